import ts from 'typescript'

/** Whether nothing of the statement is left once types are erased. */
function isTypeOnly(node) {
  if (ts.isExportDeclaration(node)) {
    if (node.isTypeOnly) return true
    const names = node.exportClause
    return names !== undefined && ts.isNamedExports(names) && names.elements.every((name) => name.isTypeOnly)
  }
  const clause = node.importClause
  if (clause === undefined) return false
  if (clause.isTypeOnly) return true
  const names = clause.namedBindings
  return (
    clause.name === undefined &&
    names !== undefined &&
    ts.isNamedImports(names) &&
    names.elements.every((name) => name.isTypeOnly)
  )
}

/**
 * Every module a TypeScript file names, with its line: import, export from, import(), import type and require().
 * @returns {{ specifier: string, line: number, typeOnly: boolean }[]}
 */
export function importsOf(file, text) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true, ts.ScriptKind.TS)
  const found = []
  const add = (literal, typeOnly) => {
    const { line } = source.getLineAndCharacterOfPosition(literal.getStart(source))
    found.push({ specifier: literal.text, line: line + 1, typeOnly })
  }
  const visit = (node) => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier !== undefined
    ) {
      add(node.moduleSpecifier, isTypeOnly(node))
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true)
    } else if (ts.isCallExpression(node)) {
      const [argument] = node.arguments
      const loads =
        node.expression.kind === ts.SyntaxKind.ImportKeyword ||
        (ts.isIdentifier(node.expression) && node.expression.text === 'require')
      if (loads && argument !== undefined && ts.isStringLiteralLike(argument)) add(argument, false)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}
