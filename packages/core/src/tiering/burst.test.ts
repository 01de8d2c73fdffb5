import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BurstSigns, type BurstState, burstReason, NO_BURST, nextBurst } from './burst.ts'

const marks = { capacityBytes: 1_000, highBytes: 900, lowBytes: 800 }
const calm: BurstSigns = { nowMs: 0, usedBytes: 0, isDown: false, writeMsPerMib: undefined }
const after = (state: BurstState, signs: Partial<BurstSigns>, options = {}): BurstState =>
  nextBurst(state, { ...calm, ...signs }, marks, { holdMs: 100, ...options })

describe('bursts', () => {
  it('begins at the high watermark and ends at the low one, not between', () => {
    const full = after(NO_BURST, { usedBytes: 900 })
    expect(burstReason(full)).toBe('full')
    expect(burstReason(after(full, { nowMs: 1_000, usedBytes: 801 }))).toBe('full')
    expect(burstReason(after(full, { nowMs: 1_000, usedBytes: 800 }))).toBeUndefined()
    expect(burstReason(after(NO_BURST, { usedBytes: 899 }))).toBeUndefined()
  })

  it('holds for a while, whatever the signs say meanwhile', () => {
    const full = after(NO_BURST, { usedBytes: 900 })
    expect(burstReason(after(full, { nowMs: 99, usedBytes: 0 }))).toBe('full')
    expect(burstReason(after(full, { nowMs: 100, usedBytes: 0 }))).toBeUndefined()
  })

  it('a clock that is set back keeps nothing for ever', () => {
    const full = after(NO_BURST, { nowMs: 1_000_000, usedBytes: 900 })
    expect(burstReason(after(full, { nowMs: 5, usedBytes: 0 }))).toBeUndefined()
  })

  it('slow begins above the mark and ends below half of it', () => {
    const options = { whenSlowerThanMs: 50 }
    const slow = after(NO_BURST, { writeMsPerMib: 51 }, options)
    expect(burstReason(slow)).toBe('slow')
    expect(burstReason(after(slow, { nowMs: 500, writeMsPerMib: 26 }, options))).toBe('slow')
    expect(burstReason(after(slow, { nowMs: 500, writeMsPerMib: 24 }, options))).toBeUndefined()
    expect(burstReason(after(NO_BURST, { writeMsPerMib: 5_000 }))).toBeUndefined()
  })

  it('each condition can be switched off', () => {
    const signs = { usedBytes: 1_000, isDown: true }
    expect(after(NO_BURST, signs, { whenFull: false, whenDown: false })).toEqual({})
    expect(Object.keys(after(NO_BURST, signs)).sort()).toEqual(['down', 'full'])
  })

  it('a volume without a capacity is never full', () => {
    expect(nextBurst(NO_BURST, { ...calm, usedBytes: 1e15 }, undefined, {})).toEqual({})
  })

  it('whatever the load does, it changes at most once in each holding time', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 200 }), (loads) => {
        let state: BurstState = NO_BURST
        let lastChangeMs = Number.NEGATIVE_INFINITY
        loads.forEach((usedBytes, index) => {
          const nowMs = index * 10
          const next = after(state, { nowMs, usedBytes })
          const began = state.full === undefined && next.full !== undefined
          const ended = state.full !== undefined && next.full === undefined
          if (ended) expect(nowMs - lastChangeMs).toBeGreaterThanOrEqual(100)
          if (began) lastChangeMs = nowMs
          state = next
        })
      }),
    )
  })
})
