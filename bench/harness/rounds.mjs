import { median } from './statistics.mjs'

/**
 * How a cell is measured.
 *
 * A *cell* is one load (a size, a number of callers); its *subjects* are the things that carry it: ours, peers, the
 * physical limit. Every subject warms up once. Then come rounds: in each, every subject has one turn, in the order
 * given in even rounds and backwards in odd ones (ABBA), so that what drifts slowly on the machine touches all alike.
 * A turn is a few windows; its cost is the median cost of them, in seconds per operation.
 *
 * The figure of a subject is the lowest of its costs over the rounds (what the machine disturbed least), and its
 * spread is lowest to highest. A ratio of two subjects is taken in each round by itself, then the median over the
 * rounds: neighbours in time, so that load from outside hits both.
 *
 * A subject is `{ name, kind: 'ours'|'peer'|'limit', start?(), beforeTurn?(), window(), afterTurn?(), stop?() }`.
 * `window()` answers `{ cost, ...figures }`; figures are numbers, of which the row keeps the medians.
 */
export async function measureCell(cell, { rounds, windows, say }) {
  const runs = []
  try {
    for (const subject of cell.subjects) runs.push(await startRun(subject, cell, say))
    const able = runs.filter((run) => run.error === undefined)
    for (const run of able) await turn(run, 1, { isWarmUp: true, say, cell })
    for (let round = 0; round < rounds; round++) {
      const order = round % 2 === 0 ? able : able.toReversed()
      for (const run of order) await turn(run, windows, { isWarmUp: false, say, cell })
    }
  } finally {
    for (const { subject } of runs) await subject.stop?.()
  }
  return runs.map((run) => rowOf(cell, run))
}

async function startRun(subject, cell, say) {
  const run = { subject, turns: [], error: undefined }
  try {
    await subject.start?.()
  } catch (error) {
    fail(run, error, cell, say)
  }
  return run
}

/** A subject that fails loses its row, not the run of the others. */
function fail(run, error, cell, say) {
  run.error = error instanceof Error ? error.message : String(error)
  say(`${cell.id}: ${run.subject.name} failed: ${error instanceof Error ? error.stack : error}`)
}

async function turn(run, windows, { isWarmUp, say, cell }) {
  if (run.error !== undefined) return
  try {
    await run.subject.beforeTurn?.()
    const samples = []
    for (let window = 0; window < windows; window++) samples.push(await run.subject.window({ isWarmUp }))
    await run.subject.afterTurn?.()
    if (isWarmUp) return
    const figures = {}
    for (const name of Object.keys(samples[0])) figures[name] = median(samples.map((sample) => sample[name]))
    run.turns.push(figures)
  } catch (error) {
    fail(run, error, cell, say)
  }
}

function rowOf(cell, { subject, turns, error }) {
  const about = { cell: cell.id, subject: subject.name, kind: subject.kind }
  if (error !== undefined) return { ...about, error }
  const costs = turns.map(({ cost }) => cost)
  const figures = {}
  for (const name of Object.keys(turns[0])) {
    if (name !== 'cost') figures[name] = median(turns.map((one) => one[name]))
  }
  return { ...about, cost: Math.min(...costs), highestCost: Math.max(...costs), figures, costs, turns }
}

/** How many times as fast as `other` the row is: per round, then the median. NaN when one of them has no figures. */
export function timesAsFast(row, other) {
  return ratioOf(row, other, (turn) => 1 / turn.cost)
}

/** The median over the rounds of `figure(row) / figure(other)`. */
export function ratioOf(row, other, figure) {
  if (row?.turns === undefined || other?.turns === undefined) return Number.NaN
  return median(row.turns.map((turn, round) => figure(turn) / figure(other.turns[round])))
}

/** The row of a subject in a cell. */
export function rowNamed(rows, cell, subject) {
  return rows.find((row) => row.cell === cell && row.subject === subject)
}

/** The same by CPU per operation: on a busy machine this moves far less than time does. */
export function timesAsThrifty(row, other) {
  return ratioOf(row, other, (turn) => 1 / turn.cpuUs)
}
