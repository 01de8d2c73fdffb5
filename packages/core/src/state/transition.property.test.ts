import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SettledState } from '../contracts/resource-states.ts'
import { type StateEntry, type StateEvent, stateOf, transition } from './transition.ts'

const settled: fc.Arbitrary<SettledState> = fc.oneof(
  fc.record({
    state: fc.constant('ready' as const),
    tier: fc.constant('disk'),
    since: fc.constant(new Date(0)),
  }),
  fc.record({ state: fc.constant('cold' as const), tier: fc.constant('s3') }),
  fc.record({
    state: fc.constant('failed' as const),
    retryAfterMs: fc.nat(2_000),
    reason: fc.constant('backend-down'),
  }),
  fc.record({
    state: fc.constant('held' as const),
    reason: fc.constantFrom('pending' as const, 'quarantined'),
  }),
)
const ttlMs = fc.integer({ min: 1, max: 1_500 })
const estimateMs = fc.option(fc.nat(5_000), { nil: undefined })
const progressRatio = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined })

/** What a process does with one of the leases it was ever given, the newest first. */
type Act =
  | { act: 'claim'; ttlMs: number; estimateMs: number | undefined }
  | {
      act: 'extend'
      back: number
      ttlMs: number
      estimateMs: number | undefined
      progressRatio: number | undefined
    }
  | { act: 'settle'; back: number; to: SettledState }
  | { act: 'release'; back: number }
  | { act: 'invalidate' }
  /** Everything is lost: a restart, a flush. The clock may have been set back before. */
  | { act: 'lose' }
  | { act: 'time'; byMs: number }

const back = fc.nat(3)
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    fc.record({ act: fc.constant('claim' as const), ttlMs, estimateMs }),
    fc.record({ act: fc.constant('extend' as const), back, ttlMs, estimateMs, progressRatio }),
    fc.record({ act: fc.constant('settle' as const), back, to: settled }),
    fc.record({ act: fc.constant('release' as const), back }),
    fc.record({ act: fc.constant('invalidate' as const) }),
    fc.record({ act: fc.constant('lose' as const) }),
    fc.record({ act: fc.constant('time' as const), byMs: fc.integer({ min: -300, max: 900 }) }),
  ),
  { maxLength: 60 },
)

function eventOf(act: Act, tokens: readonly number[]): StateEvent | undefined {
  if (act.act === 'time' || act.act === 'lose') return undefined
  if (act.act === 'invalidate') return { type: 'invalidate' }
  if (act.act === 'claim') {
    return {
      type: 'claim',
      ttlMs: act.ttlMs,
      ...(act.estimateMs === undefined ? {} : { estimateMs: act.estimateMs }),
    }
  }
  const token = tokens.at(-1 - act.back) ?? 1
  if (act.act === 'release') return { type: 'release', token }
  if (act.act === 'settle') return { type: 'settle', token, to: act.to }
  return {
    type: 'extend',
    token,
    ttlMs: act.ttlMs,
    ...(act.estimateMs === undefined ? {} : { estimateMs: act.estimateMs }),
    ...(act.progressRatio === undefined ? {} : { progressRatio: act.progressRatio }),
  }
}

describe('transition()', () => {
  test('in no sequence are there two holders, no token goes back, and nothing is ever stored as missing', () => {
    fc.assert(
      fc.property(acts, (sequence) => {
        let entry: StateEntry | undefined
        let nowMs = 1_000_000
        let lastToken = 0
        const tokens: number[] = []
        const holds = (token: number): boolean =>
          transition(entry, { type: 'extend', token, ttlMs: 1 }, { nowMs, lastToken, settledTtlMs: 500 })
            .accepted
        for (const act of sequence) {
          if (act.act === 'time') nowMs += act.byMs
          if (act.act === 'lose') entry = undefined
          const event = eventOf(act, tokens)
          if (event !== undefined) {
            const heldBefore = tokens.filter(holds)
            const step = transition(entry, event, { nowMs, lastToken, settledTtlMs: 500 })
            entry = step.entry
            if (event.type === 'claim' && step.accepted) {
              expect(heldBefore).toEqual([])
              if (entry?.type !== 'loading') throw new Error('a claim kept no lease')
              expect(entry.token).toBeGreaterThan(lastToken)
              expect(entry.token).toBeGreaterThanOrEqual(nowMs * 1000)
              lastToken = entry.token
              tokens.push(entry.token)
            }
            // Only its holder ends a lease, but for an invalidation.
            if (!step.accepted || event.type === 'extend') expect(tokens.filter(holds)).toEqual(heldBefore)
          }
          const live = tokens.filter(holds)
          expect(live.length).toBeLessThanOrEqual(1)
          if (live.length === 1) expect(live[0]).toBe(lastToken)
          const shown = stateOf(entry, nowMs)
          expect(['ready', 'cold', 'loading', 'failed', 'held', undefined]).toContain(shown?.state)
          expect(shown?.state === 'loading').toBe(live.length === 1)
          if (shown?.state === 'loading' || shown?.state === 'failed')
            expect(shown.retryAfterMs).toBeGreaterThan(0)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('held is neither claimed nor settled over, only forgotten', () => {
    const context = { nowMs: 1, lastToken: 0, settledTtlMs: 1_000 }
    const entry: StateEntry = {
      type: 'settled',
      state: { state: 'held', reason: 'quarantined' },
      endsAtMs: 1_000,
    }
    for (const event of [
      { type: 'claim', ttlMs: 1 },
      { type: 'settle', token: 0, to: { state: 'cold', tier: 's3' } },
      { type: 'extend', token: 0, ttlMs: 1 },
      { type: 'release', token: 0 },
    ] as const) {
      expect(transition(entry, event, context)).toEqual({ entry, accepted: false })
    }
    expect(transition(entry, { type: 'invalidate' }, context)).toEqual({ entry: undefined, accepted: true })
  })

  test('extend() estimates from the progress, bounded by a day', () => {
    const claim = transition(
      undefined,
      { type: 'claim', ttlMs: 60_000 },
      { nowMs: 0, lastToken: 0, settledTtlMs: 1 },
    )
    const dueAfter = (progressRatio: number): unknown =>
      stateOf(
        transition(
          claim.entry,
          {
            type: 'extend',
            token: claim.entry?.type === 'loading' ? claim.entry.token : 0,
            ttlMs: 1,
            progressRatio,
          },
          { nowMs: 3_000, lastToken: 0, settledTtlMs: 1 },
        ).entry,
        3_000,
      )
    expect(dueAfter(0.25)).toMatchObject({ retryAfterMs: 9_000 })
    expect(dueAfter(1)).toMatchObject({ retryAfterMs: 100 })
    expect(dueAfter(1e-300)).toMatchObject({ retryAfterMs: 24 * 60 * 60_000 })
  })
})
