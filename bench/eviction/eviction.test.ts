import { resolve } from 'node:path'
import { createEvictionPolicy } from '@mediakeep/core'
import { describe, expect, it } from 'vitest'
import { evictionGoals } from './goals.mjs'
import { createLimit } from './limit.mjs'
import { measureTrace, type Row, SETTINGS, withShares, worstAgainstLru } from './measure.mjs'
import { syntheticTraces } from './synthetic.mjs'
import { makeTrace, readTrace, type Trace, traceNames } from './traces.mjs'

const SIZE_RATIOS = [0.01, 0.05, 0.1, 0.25]
const measure = (trace: Trace, sizeRatios = SIZE_RATIOS): Row[] =>
  withShares(measureTrace(trace, { sizeRatios, settings: SETTINGS, createEvictionPolicy }))

/** LRU in the plainest way. */
function lruMisses({ ids, sizes }: Trace, capacityBytes: number): number {
  const resident: number[] = []
  let usedBytes = 0
  let misses = 0
  for (const id of ids) {
    const place = resident.indexOf(id)
    if (place !== -1) resident.splice(place, 1)
    else {
      misses += 1
      const bytes = sizes[id] ?? 0
      if (bytes > capacityBytes) continue
      usedBytes += bytes
      while (usedBytes > capacityBytes) usedBytes -= sizes[resident.shift() ?? -1] ?? 0
    }
    resident.push(id)
  }
  return misses
}

describe('replay', () => {
  it('of `lru` misses exactly what a plain LRU misses', () => {
    for (const trace of syntheticTraces(3_000)) {
      const [row] = measureTrace(trace, { sizeRatios: [0.1], settings: ['lru'], createEvictionPolicy })
      const misses = lruMisses(trace, Math.floor(trace.footprintBytes * 0.1))
      expect([trace.name, row?.objectMissRatio]).toEqual([trace.name, misses / trace.ids.length])
    }
  })

  it('over several seeds gives the middle one, and the ends beside it', () => {
    const [trace] = syntheticTraces(3_000)
    if (trace === undefined) throw new Error('there is no made-up trace')
    const options = { sizeRatios: [0.05], settings: ['balanced', 'lru'], createEvictionPolicy }
    const each = [0, 1, 2].map(
      (seed) =>
        measureTrace(trace, {
          ...options,
          createEvictionPolicy: (given) => createEvictionPolicy({ ...given, seed }),
        })[0]?.byteMissRatio ?? Number.NaN,
    )
    const [row, lru] = measureTrace(trace, { ...options, seeds: 3 })
    const [lowest, middle, highest] = each.sort((a, b) => a - b)
    expect(row).toMatchObject({ byteMissRatio: middle, seeds: 3, spread: { bytes: { lowest, highest } } })
    expect(lru?.seeds).toBeUndefined()
  })

  it('never passes the limit', () => {
    for (const trace of syntheticTraces(10_000))
      for (const { objectShare = 0, byteShare = 0 } of measure(trace))
        expect(Math.max(objectShare, byteShare)).toBeLessThanOrEqual(1 + 1e-9)
  })

  it('the limit of a cache that holds everything is what has to be loaded once', () => {
    const trace = makeTrace('twice', [0, 1, 0, 1], [10, 30])
    expect(createLimit(trace)(40)).toEqual({ objectMissRatio: 0.5, byteMissRatio: 0.5 })
    expect(createLimit(trace)(0)).toEqual({ objectMissRatio: 1, byteMissRatio: 1 })
  })
})

describe('balanced', () => {
  const rows = syntheticTraces(40_000).flatMap((trace) => measure(trace))
  const of = (trace: string): Row[] =>
    rows.filter((row) => row.trace === `synthetic ${trace}` && row.policy === 'balanced')

  it.each(['zipf', 'scans', 'huge'])('is nearer to the limit than LRU at every size: %s', (trace) => {
    for (const { objectShare = 0, byteShare = 0 } of of(trace)) {
      expect(objectShare).toBeGreaterThan(0.4)
      expect(byteShare).toBeGreaterThan(0)
    }
  })

  it.each(['news', 'drift'])('loses little to LRU where only what is newest counts: %s', (trace) => {
    for (const row of of(trace)) {
      const lru = rows.find(
        (one) => one.trace === row.trace && one.sizeRatio === row.sizeRatio && one.policy === 'lru',
      )
      expect(row.objectMissRatio - (lru?.objectMissRatio ?? 0)).toBeLessThan(0.02)
      expect(row.byteMissRatio - (lru?.byteMissRatio ?? 0)).toBeLessThan(0.02)
    }
  })

  it('keeps a good part of a loop, of which LRU keeps nothing', () => {
    for (const { objectShare = 0 } of of('loop')) expect(objectShare).toBeGreaterThan(0.12)
  })
})

const folder = resolve(import.meta.dirname, '../../../shared/traces')
const recorded = ['akamai_images_synth', 'apacheblog', 'cloudphysics', 'web07']
const isThere = recorded.every((name) => traceNames(folder)?.includes(name))
if (!isThere) console.log(`skipped: recorded traces are not in ${folder}`)

// Data that is not part of the repository: where it is absent there is no such test, and the reason stands above.
const describeRecorded = isThere ? describe : () => {}
describeRecorded('recorded traces', () => {
  // Single figures move by some thousandths with every change of a constant; more than a hundredth is a loss.
  it('come within a hundredth of every goal of the bench, and balanced is nowhere worse than LRU', () => {
    // Means over all sizes only in the long form; the single figures are all at 10 %.
    const isLong = process.env['MEDIAKEEP_LONG'] === '1'
    const rows = recorded.flatMap((name) => measure(readTrace(folder, name), isLong ? SIZE_RATIOS : [0.1]))
    const goals = evictionGoals(rows).filter(({ what }) => isLong || what.includes('at 10 %'))
    expect(goals.length).toBeGreaterThan(4)
    const far = goals.filter(
      ({ measured, target, direction }) =>
        measured === null || (direction === 'at least' ? measured < target - 0.01 : measured > target + 0.01),
    )
    expect(far.map(({ id, measured }) => `${id}: ${measured}`)).toEqual([])
    expect(worstAgainstLru(rows, 'balanced').points).toBeLessThan(0.5)
  }, 300_000)
})
