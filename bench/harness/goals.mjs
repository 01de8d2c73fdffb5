import { rowNamed, timesAsFast, timesAsThrifty } from './rounds.mjs'

/**
 * One goal against what was measured. `atLeast` or `atMost` is the target; a measure that is not a number is missed.
 * `byCpu` is the same ratio in CPU time: it decides nothing, and tells a busy machine from slow code.
 * `note` says what a reader must know, for instance that a delay was injected.
 */
export function goal({ id, what, atLeast, atMost, measured, byCpu, unit = '', note }) {
  const target = atLeast ?? atMost
  const isNumber = typeof measured === 'number' && Number.isFinite(measured)
  const met = isNumber && (atLeast === undefined ? measured <= target : measured >= target)
  return {
    id,
    what,
    target,
    direction: atLeast === undefined ? 'at most' : 'at least',
    measured: isNumber ? Number(measured.toPrecision(4)) : null,
    unit,
    met,
    ...(byCpu === undefined || !Number.isFinite(byCpu) ? {} : { byCpu: Number(byCpu.toPrecision(4)) }),
    ...(note === undefined ? {} : { note }),
  }
}

/** A goal about how many times as fast one row is as another. */
export function ratioGoal({ rows, cell, ours, peer, ...rest }) {
  const row = rowNamed(rows, cell, ours)
  const other = rowNamed(rows, cell, peer)
  return goal({ ...rest, measured: timesAsFast(row, other), byCpu: timesAsThrifty(row, other), unit: 'x' })
}
