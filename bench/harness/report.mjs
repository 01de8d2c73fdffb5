import { timesAsFast } from './rounds.mjs'

/** Lines of a table with columns as wide as they need; numbers to the right. */
export function table(head, lines) {
  const all = [head, ...lines].map((line) => line.map((cell) => String(cell ?? '')))
  const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)))
  const isText = head.map((_, column) => column === 0)
  return all.map((line) =>
    line
      .map((cell, column) => (isText[column] ? cell.padEnd(widths[column]) : cell.padStart(widths[column])))
      .join('  ')
      .trimEnd(),
  )
}

export function number(value) {
  if (value === undefined || !Number.isFinite(value)) return '-'
  if (value >= 1_000) return Math.round(value).toLocaleString('en-US')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

const FIGURES = {
  cpuUs: { title: 'CPU us/op', show: number },
  p50Ms: { title: 'p50 ms', show: number },
  p99Ms: { title: 'p99 ms', show: number },
  residentMiB: { title: 'RSS MiB', show: (value) => value.toFixed(0) },
  items: { title: 'items', show: (value) => value.toFixed(0) },
}

/**
 * Prints one cell: what each subject does per second, its spread over the rounds, and for each of ours how many times
 * as fast as that row it is.
 */
export function printCell(cell, rows, print) {
  const scale = cell.bytesPerOperation === undefined ? 1 : cell.bytesPerOperation / 2 ** 20
  const unit = cell.unit ?? (cell.bytesPerOperation === undefined ? 'ops/s' : 'MiB/s')
  const ours = rows.filter((row) => row.kind === 'ours' && row.turns !== undefined)
  const figures = Object.keys(FIGURES).filter((name) => rows.some((row) => row.figures?.[name] !== undefined))
  const head = [
    cell.title ?? cell.id,
    unit,
    'spread',
    ...figures.map((name) => FIGURES[name].title),
    ...ours.map((_, index) => `[${index + 1}] is x`),
  ]
  const lines = rows.map((row) => {
    const index = ours.indexOf(row)
    const name = index === -1 ? `    ${row.subject}` : `[${index + 1}] ${row.subject}`
    if (row.turns === undefined) return [name, 'failed', ...head.slice(2).map(() => '')]
    return [
      name,
      number(scale / row.cost),
      `${number(scale / row.highestCost)}-${number(scale / row.cost)}`,
      ...figures.map((figure) => {
        const value = row.figures[figure]
        return value === undefined ? '-' : FIGURES[figure].show(value)
      }),
      ...ours.map((one) => (one === row ? '1' : timesAsFast(one, row).toFixed(2))),
    ]
  })
  print('')
  for (const line of table(head, lines)) print(line)
}

export function printGoals(goals, print) {
  if (goals.length === 0) return
  print('')
  const lines = goals.map(({ what, direction, target, measured, unit, met, byCpu, note }) => [
    what,
    `${direction} ${number(target)}${unit}`,
    measured === null ? 'not measured' : `${number(measured)}${unit}`,
    met ? 'met' : 'MISSED',
    byCpu === undefined ? '' : `${number(byCpu)}x`,
    note === undefined ? '' : `(${note})`,
  ])
  for (const line of table(['goal', 'target', 'measured', '', 'by CPU', ''], lines)) print(line)
  const missed = goals.filter(({ met }) => !met).length
  print('')
  print(missed === 0 ? `all ${goals.length} goals met` : `${missed} of ${goals.length} goals MISSED`)
}
