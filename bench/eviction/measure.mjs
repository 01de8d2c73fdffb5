import { createLimit } from './limit.mjs'
import { replay } from './replay.mjs'

/** The settings of our policy by name; LRU is one of them and what all others are compared with. */
export const SETTINGS = ['lru', 'balanced', 'requests', 'bytes']
export const LIMIT = 'LIMIT'

export const capacityOf = (trace, sizeRatio) => Math.max(1, Math.floor(trace.footprintBytes * sizeRatio))

/**
 * LRU, the limit and the settings wanted of one trace, at one size after the other. A row of ours is the median over so
 * many seeds, with the lowest and the highest beside it: nearly even decisions fall one way or the other by the seed.
 */
export function measureTrace(trace, { sizeRatios, settings, seeds = 1, createEvictionPolicy }) {
  const limitAt = createLimit(trace)
  const isSized = trace.sizes.some((bytes) => bytes !== trace.sizes[0])
  return sizeRatios.flatMap((sizeRatio) => {
    const capacityBytes = capacityOf(trace, sizeRatio)
    const base = { trace: trace.name, sizeRatio, capacityBytes, isSized }
    return [
      ...settings.map((setting) => ({
        ...base,
        policy: setting,
        kind: 'ours',
        ...overSeeds(setting === 'lru' ? 1 : seeds, (seed) =>
          replay(trace, createEvictionPolicy({ capacityBytes, setting, seed })),
        ),
      })),
      { ...base, policy: LIMIT, kind: 'limit', ...limitAt(capacityBytes) },
    ]
  })
}

function overSeeds(seeds, replayWith) {
  const runs = Array.from({ length: seeds }, (_, seed) => replayWith(seed))
  const sorted = (key) => runs.map((run) => run[key]).sort((a, b) => a - b)
  const spread = (key) => {
    const values = sorted(key)
    return { lowest: values[0], highest: values.at(-1) }
  }
  const median = (key) => sorted(key)[(runs.length - 1) >> 1]
  return {
    objectMissRatio: median('objectMissRatio'),
    byteMissRatio: median('byteMissRatio'),
    requestsPerSecond: median('requestsPerSecond'),
    ...(seeds === 1
      ? {}
      : { seeds, spread: { objects: spread('objectMissRatio'), bytes: spread('byteMissRatio') } }),
  }
}

/** Less than this between LRU and the limit is no way to go a share of. */
const MIN_WAY = 0.01

/** Adds to each row which share of the way from LRU to the limit it goes. */
export function withShares(rows) {
  const find = (row, policy) =>
    rows.find((one) => one.trace === row.trace && one.sizeRatio === row.sizeRatio && one.policy === policy)
  return rows.map((row) => {
    const [lru, limit] = [find(row, 'lru'), find(row, LIMIT)]
    const share = (key) => {
      const way = lru[key] - limit[key]
      return way < MIN_WAY ? undefined : (lru[key] - row[key]) / way
    }
    return { ...row, objectShare: share('objectMissRatio'), byteShare: share('byteMissRatio') }
  })
}

export const mean = (values) => {
  const known = values.filter((value) => value !== undefined)
  return known.reduce((sum, value) => sum + value, 0) / known.length
}

const MEASURES = { objects: 'objectMissRatio', bytes: 'byteMissRatio' }

/** By how many points of a percent the rows of a policy are worse than LRU at most, in either measure. */
export function worstAgainstLru(rows, policy) {
  let worst = { points: Number.NEGATIVE_INFINITY }
  for (const row of rows) {
    if (row.policy !== policy) continue
    const lru = rows.find(
      (one) => one.trace === row.trace && one.sizeRatio === row.sizeRatio && one.policy === 'lru',
    )
    for (const [measure, key] of Object.entries(MEASURES)) {
      const points = (row[key] - lru[key]) * 100
      if (points > worst.points) worst = { points, measure, trace: row.trace, sizeRatio: row.sizeRatio }
    }
  }
  return worst
}
