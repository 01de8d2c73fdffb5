/**
 * Rows of the attack list are tests whose names begin with them (docs/operate/security.md). A row of several tests has passed when all of
 * them have. @returns a line to print; `undefined` where none was run.
 */
export function attackRows(tests) {
  /** By list: each row, and whether it has passed. */
  const lists = new Map()
  for (const { title, status } of tests) {
    const [, list, row] = /^(2\.\d+)-((?:[a-z]+-)?\d+)/.exec(title) ?? []
    if (list === undefined) continue
    const rows = lists.get(list) ?? new Map()
    lists.set(list, rows.set(row, (rows.get(row) ?? true) && status === 'passed'))
  }
  if (lists.size === 0) return undefined
  const counts = [...lists]
    .map(([list, rows]) => ({ list, all: rows.size, passed: [...rows.values()].filter(Boolean).length }))
    .sort((a, b) => Number(a.list.slice(2)) - Number(b.list.slice(2)))
  const sum = (of) => counts.reduce((total, count) => total + of(count), 0)
  const each = counts.map(({ list, all, passed }) => `${list} ${passed} of ${all}`).join(', ')
  return `attack rows: ${each}; ${sum((count) => count.passed)} of ${sum((count) => count.all)} passed`
}
