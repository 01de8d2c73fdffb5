import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'
import { rootFolder } from './root.mjs'

/** Entry points whose exports make a page each. */
const ENTRIES = [
  ['core', '@mediakeep/core', 'packages/core/src/index.ts'],
  ['adapter-clamav-api', '@mediakeep/adapters/clamav', 'packages/adapters/src/clamav/index.ts'],
  ['adapter-fs-api', '@mediakeep/adapters/fs', 'packages/adapters/src/fs/index.ts'],
  ['adapter-http-api', '@mediakeep/adapters/http', 'packages/adapters/src/http/index.ts'],
  ['adapter-s3-api', '@mediakeep/adapters/s3', 'packages/adapters/src/s3/index.ts'],
  ['adapter-minio-api', '@mediakeep/adapters/minio', 'packages/adapters/src/minio/index.ts'],
  ['adapter-postgres-api', '@mediakeep/adapters/postgres', 'packages/adapters/src/postgres/index.ts'],
  ['adapter-redis-api', '@mediakeep/adapters/redis', 'packages/adapters/src/redis/index.ts'],
  ['adapter-sqlite-api', '@mediakeep/adapters/sqlite', 'packages/adapters/src/sqlite/index.ts'],
  ['express', '@mediakeep/express', 'packages/express/src/index.ts'],
  ['envoy', '@mediakeep/envoy', 'packages/envoy/src/index.ts'],
  ['client', '@mediakeep/client', 'packages/client/src/index.ts'],
  ['testkit', '@mediakeep/testkit', 'packages/testkit/src/index.ts'],
  ['mediakeep', 'mediakeep', 'packages/cli/src/index.ts'],
]

/** Pages of everything that is exported, from the sources' own types and comments: `{ 'core.md': text, ... }`. */
export function apiPages() {
  const files = ENTRIES.map(([, , file]) => join(rootFolder, file)).filter((file) => existsSync(file))
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    customConditions: ['@mediakeep/source'],
    allowImportingTsExtensions: true,
    noEmit: true,
    strict: true,
    types: ['node'],
  })
  const pages = {}
  for (const [page, name, file] of ENTRIES) {
    const source = program.getSourceFile(join(rootFolder, file))
    if (source !== undefined) pages[`${page}.md`] = pageOf(program.getTypeChecker(), name, source)
  }
  return pages
}

function pageOf(checker, name, source) {
  const exported = checker
    .getExportsOfModule(checker.getSymbolAtLocation(source))
    .map((symbol) => ({ name: symbol.name, declaration: declarationOf(checker, symbol) }))
    .filter(({ declaration }) => declaration !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const values = exported.filter(({ declaration }) => !isType(declaration))
  const types = exported.filter(({ declaration }) => isType(declaration))
  const intro = `# ${name}\n\nMade from the sources by \`node scripts/reference.mjs\`; do not edit.\n`
  return [intro, section('Functions and values', values), section('Types', types)]
    .filter((part) => part !== '')
    .join('\n')
}

function section(title, entries) {
  if (entries.length === 0) return ''
  return `## ${title}\n\n${entries.map(entry).join('\n')}`
}

function entry({ name, declaration }) {
  const file = relative(rootFolder, declaration.getSourceFile().fileName)
  return `### ${name}\n\n${commentOf(declaration)}\`\`\`ts\n${signatureOf(declaration)}\n\`\`\`\n\n[source](../../${file})\n`
}

function declarationOf(checker, symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const declaration = target.declarations?.[0]
  return declaration?.getSourceFile().fileName.includes('node_modules') ? undefined : declaration
}

function isType(declaration) {
  return ts.isInterfaceDeclaration(declaration) || ts.isTypeAliasDeclaration(declaration)
}

/** Prose first, then one line a tag. */
function commentOf(declaration) {
  const holder = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
  const docs = ts.getJSDocCommentsAndTags(holder).filter(ts.isJSDoc)
  const lines = []
  for (const doc of docs) {
    const text = ts.getTextOfJSDocComment(doc.comment)
    if (text !== undefined) lines.push(text, '')
    for (const tag of doc.tags ?? []) {
      const about = ts.getTextOfJSDocComment(tag.comment) ?? ''
      if (tag.tagName.text !== 'packageDocumentation')
        lines.push(`- *${tag.tagName.text}* ${about.replace(/\s+/g, ' ')}`)
    }
  }
  const text = lines.join('\n').trim()
  return text === '' ? '' : `${text}\n\n`
}

/** The declaration without bodies and initialisers. */
function signatureOf(declaration) {
  const source = declaration.getSourceFile()
  if (ts.isFunctionDeclaration(declaration)) {
    const end = declaration.body?.getStart() ?? declaration.end
    return clean(source.text.slice(declaration.getStart(), end))
  }
  if (ts.isClassDeclaration(declaration)) {
    const { members } = declaration
    const lines = members.map((member) => {
      const end = member.body?.getStart() ?? member.end
      return `  ${clean(source.text.slice(member.getStart(), end))}`
    })
    const open = source.text.indexOf('{', declaration.name?.end ?? declaration.pos)
    return `${clean(source.text.slice(declaration.getStart(), open))} {\n${lines.join('\n')}\n}`
  }
  if (ts.isVariableDeclaration(declaration)) {
    const type = declaration.type?.getText() ?? 'unknown'
    const value = declaration.initializer
    const short = value !== undefined && (ts.isNumericLiteral(value) || ts.isStringLiteral(value))
    return short
      ? `const ${declaration.name.getText()} = ${value.getText()}`
      : `const ${declaration.name.getText()}: ${type}`
  }
  return clean(declaration.getText())
}

function clean(text) {
  return text.replace(/^export\s+(?:declare\s+)?/, '').trimEnd()
}
