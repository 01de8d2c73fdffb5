/** One column: its head, and whether it holds numbers. */
export interface Column {
  readonly head: string
  readonly right?: boolean
}

/** Lines of columns as wide as what stands in them; no blanks at their ends. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ head }, index) =>
    Math.max(head.length, ...rows.map((row) => (row[index] ?? '').length)),
  )
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ right = false }, index) => {
        const cell = cells[index] ?? ''
        return right ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0)
      })
      .join('  ')
      .trimEnd()
  return [columns.map(({ head }) => head), ...rows].map(line).join('\n')
}

/** `$1,234.50`, `$0.0400`, `$0.0000046`: as many digits as tell something. */
export function formatDollars(dollars: number): string {
  const size = Math.abs(dollars)
  const sign = dollars < 0 ? '-' : ''
  if (size === 0) return '$0'
  if (size >= 1)
    return `${sign}$${size.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
  if (size >= 0.01) return `${sign}$${size.toFixed(4)}`
  if (size < 1e-9) return `${sign}$0.000000001`
  return `${sign}$${size.toFixed(Math.min(20, 1 - Math.floor(Math.log10(size))))}`
}
