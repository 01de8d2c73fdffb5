import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { reasonsIn } from './reasons.mjs'
import { rootFolder } from './root.mjs'

const MADE = 'Made from the sources by `node scripts/reference.mjs`; do not edit.'

/** Every default number with what it is for, from the files that hold them. */
export function defaultsPage() {
  const parts = [
    ['@mediakeep/core', 'packages/core/src/defaults.ts'],
    ['@mediakeep/express', 'packages/express/src/defaults.ts'],
    ['@mediakeep/envoy', 'packages/envoy/src/defaults.ts'],
    ['@mediakeep/client', 'packages/client/src/defaults.ts'],
  ].map(
    ([name, file]) =>
      `## ${name}\n\n| default | value | what it is for |\n|---|---|---|\n${constants(file).map(constantRow).join('\n')}\n`,
  )
  return `# Defaults\n\n${MADE} Options of the same meaning change them.\n\n${parts.join('\n')}`
}

function constantRow({ name, value, about }) {
  return `| \`${name}\` | \`${value}\` | ${about} |`
}

function constants(file) {
  const text = readFileSync(join(rootFolder, file), 'utf8')
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true)
  return source.statements.filter(ts.isVariableStatement).flatMap((statement) =>
    statement.declarationList.declarations.map((declaration) => ({
      name: declaration.name.getText(),
      value: declaration.initializer?.getText() ?? '',
      about: commentText(statement),
    })),
  )
}

function commentText(node) {
  return ts
    .getJSDocCommentsAndTags(node)
    .map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '')
    .join(' ')
    .replace(/\s+/g, ' ')
}

/** Every error code with its status. `built` is the built core. */
export function errorsPage(built) {
  const rows = Object.entries(built.MEDIA_ERRORS).map(
    ([code, { status, retryable, title }]) =>
      `| \`${code}\` | ${status} | ${retryable ? 'yes' : 'no'} | ${title} | ${reasonsOf(code).join(' ')} |`,
  )
  return `# Errors\n\n${MADE}\n\nOne class, \`MediaError { code, reason?, message, retryable, retryAfterMs?, cause }\`, told by \`isMediaError(error, code?)\`. The same code has the same HTTP status everywhere; the body is \`application/problem+json\` (RFC 9457) with \`code\` and \`reason\`.\n\n| code | HTTP | may succeed when repeated | title | reasons |\n|---|---|---|---|---|\n${rows.join('\n')}\n`
}

let reasons
function reasonsOf(code) {
  reasons ??= reasonsIn(sourceFiles())
  return [...(reasons.get(code) ?? [])].sort((a, b) => (a < b ? -1 : 1)).map((reason) => `\`${reason}\``)
}

function sourceFiles() {
  return ts.sys
    .readDirectory(
      join(rootFolder, 'packages'),
      ['.ts'],
      ['**/*.test.ts', '**/node_modules', '**/dist', '**/testkit/**'],
    )
    .map((path) => readFileSync(path, 'utf8'))
}

/** Every setting of the command line, and the names of other tools that are understood. */
export function settingsPage(keys, usualNames) {
  const rows = keys.map(
    ({ name, env, aliases = [], unit, byDefault, secret, about }) =>
      `| \`${name}\` | ${[env, ...aliases].map((each) => `\`${each}\``).join(', ')} | ${unit ?? ''} | ${byDefault} | ${secret === true ? 'yes' : ''} | ${about} |`,
  )
  return `# Settings\n\n${MADE}\n\n\`mediakeep.config.js\` or \`mediakeep.config.json\` in the working directory (or \`--config FILE\`), then the environment, then the command line: each wins over the one before. Unknown keys and bad values are refused by name.\n\n| key | environment | unit | default | secret | what it is |\n|---|---|---|---|---|---|\n${rows.join('\n')}\n\n## Usual names\n\nUnderstood after our own: they make [tiers](../guide/tiers.md) where none are written down, and give stores their credentials.\n\n| environment | secret | what it is |\n|---|---|---|\n${usualNames.map(usualRow).join('\n')}\n`
}

function usualRow({ env, secret, about }) {
  const names = env.split(', ').map((name) => `\`${name}\``)
  return `| ${names.join(', ')} | ${secret === true ? 'yes' : ''} | ${about} |`
}
