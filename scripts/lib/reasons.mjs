import ts from 'typescript'

/** A reason is words and dashes; texts for people have blanks. */
const REASON = /^[a-z0-9]+(?:-[a-z0-9]+)*$/

/**
 * The reasons that each code is thrown with, as the sources say: where a `MediaError` is made, in calls of functions
 * that make one of a reason they are given, and in rows of tables that hold a code and a reason.
 * @param files texts of source files
 * @returns Map of code to Set of reasons
 */
export function reasonsIn(files) {
  const found = new Map()
  const add = (codes, reasons) => {
    for (const code of codes)
      for (const reason of reasons) {
        if (!found.has(code)) found.set(code, new Set())
        found.get(code).add(reason)
      }
  }
  const sources = files.map((text, at) => ts.createSourceFile(`${at}.ts`, text, ts.ScriptTarget.ES2023, true))
  const makers = []
  for (const source of sources) visit(source, (node) => lookAt(node, source, add, makers))
  const everywhere = new Map(
    makers.filter(({ isExported }) => isExported).map((maker) => [maker.name, maker]),
  )
  for (const source of sources) {
    const own = new Map(makers.filter((maker) => maker.source === source).map((maker) => [maker.name, maker]))
    visit(source, (node) => {
      if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return
      const maker = own.get(node.expression.text) ?? everywhere.get(node.expression.text)
      if (maker === undefined) return
      const given = maker.codeAt === -1 ? [] : literals(node.arguments[maker.codeAt]).filter(isCode)
      add(given.length > 0 ? given : maker.codes, literals(node.arguments[maker.reasonAt]).filter(isReason))
    })
  }
  return found
}

function lookAt(node, source, add, makers) {
  if (ts.isNewExpression(node) && node.expression.getText() === 'MediaError') {
    const [code, , options] = node.arguments ?? []
    const reason = memberOf(options, 'reason')
    if (reason === undefined) return
    const codes = literals(code).filter(isCode)
    add(codes, literals(reason).filter(isReason))
    const maker = makerOf(node)
    const reasonAt = maker?.parameters.indexOf(reason.getText()) ?? -1
    if (reasonAt === -1) return
    const codeAt = maker.parameters.indexOf(code.getText())
    makers.push({
      name: maker.name,
      isExported: maker.isExported,
      source,
      reasonAt,
      codeAt,
      codes: codeAt === -1 ? codes : literals(maker.defaults[codeAt]).filter(isCode),
    })
  } else if (ts.isCallExpression(node)) {
    node.arguments.forEach((argument, at) => {
      if (isCodeNode(argument)) add([argument.text], literals(node.arguments[at + 1]).filter(isReason))
    })
  } else if (ts.isObjectLiteralExpression(node)) {
    const code = memberOf(node, 'code')
    const reason = memberOf(node, 'reason')
    if (code !== undefined && reason !== undefined)
      add(literals(code).filter(isCode), literals(reason).filter(isReason))
  }
}

/** The named function around a node, with the names of its parameters. */
function makerOf(node) {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (!ts.isFunctionLike(at)) continue
    const named = at.name ?? (ts.isVariableDeclaration(at.parent) ? at.parent.name : undefined)
    if (named === undefined || !ts.isIdentifier(named)) return undefined
    return {
      name: named.text,
      isExported: ts.isFunctionDeclaration(at) && (at.modifiers ?? []).some(isExport),
      parameters: at.parameters.map(({ name }) => name.getText()),
      defaults: at.parameters.map(({ initializer }) => initializer),
    }
  }
  return undefined
}

function memberOf(node, name) {
  if (node === undefined || !ts.isObjectLiteralExpression(node)) return undefined
  for (const member of node.properties) {
    if (member.name?.getText() !== name) continue
    if (ts.isPropertyAssignment(member)) return member.initializer
    if (ts.isShorthandPropertyAssignment(member)) return member.name
  }
  return undefined
}

/** The texts that an expression may have: its own, or those of both ways of a choice. */
function literals(node) {
  if (node === undefined) return []
  if (ts.isStringLiteral(node)) return [node.text]
  if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node)) return literals(node.expression)
  if (ts.isConditionalExpression(node)) return [...literals(node.whenTrue), ...literals(node.whenFalse)]
  if (ts.isBinaryExpression(node)) return literals(node.right)
  return []
}

function visit(node, look) {
  look(node)
  ts.forEachChild(node, (child) => visit(child, look))
}

const isExport = ({ kind }) => kind === ts.SyntaxKind.ExportKeyword
const isCode = (text) => text.startsWith('MEDIA_')
const isCodeNode = (node) => ts.isStringLiteral(node) && isCode(node.text)
const isReason = (text) => REASON.test(text)
