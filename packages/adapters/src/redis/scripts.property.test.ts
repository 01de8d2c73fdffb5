import { type SettledState, type StateEntry, type StateEvent, transition } from '@mediakeep/core'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { afterAll, expect, test } from 'vitest'
import { missingRedisReason, startRedis } from '../../../../scripts/redis.mjs'
import { describeOn } from '../testing/server.fixture.ts'
import { parseEntry } from './entry.ts'
import { redisStates } from './index.ts'
import { atTime } from './testing/harness.fixture.ts'

const SETTLED_TTL_MS = 500
const START_MS = Date.UTC(2026, 0, 1)

const settled: fc.Arbitrary<SettledState> = fc.oneof(
  fc.record({
    state: fc.constant('ready' as const),
    tier: fc.string({ minLength: 1 }),
    since: fc.date({ noInvalidDate: true }),
  }),
  fc.record({ state: fc.constant('cold' as const), tier: fc.string({ minLength: 1, unit: 'binary' }) }),
  fc.record({
    state: fc.constant('failed' as const),
    retryAfterMs: fc.nat(2_000),
    reason: fc.string({ minLength: 1 }),
  }),
  fc.record({
    state: fc.constant('held' as const),
    reason: fc.constantFrom('pending' as const, 'quarantined'),
  }),
)
const ttlMs = fc.integer({ min: 1, max: 1_500 })
const estimateMs = fc.nat(5_000)
const progressRatio = fc.double({ min: 0, max: 1, noNaN: true })
/** Which of the leases so far, the newest first. */
const back = fc.nat(3)

type Act =
  | { act: 'claim'; ttlMs: number; estimateMs?: number }
  | { act: 'extend'; back: number; ttlMs: number; estimateMs?: number; progressRatio?: number }
  | { act: 'settle'; back: number; to: SettledState }
  | { act: 'release'; back: number }
  | { act: 'invalidate' }
  | { act: 'time'; byMs: number }

const requiredKeys = ['act', 'ttlMs', 'back'] as const
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    fc.record({ act: fc.constant('claim' as const), ttlMs, estimateMs }, { requiredKeys: ['act', 'ttlMs'] }),
    fc.record(
      { act: fc.constant('extend' as const), back, ttlMs, estimateMs, progressRatio },
      { requiredKeys: [...requiredKeys] },
    ),
    fc.record({ act: fc.constant('settle' as const), back, to: settled }),
    fc.record({ act: fc.constant('release' as const), back }),
    fc.record({ act: fc.constant('invalidate' as const) }),
    fc.record({ act: fc.constant('time' as const), byMs: fc.integer({ min: -300, max: 900 }) }),
  ),
  { maxLength: 40 },
)

/** What is left of it, times in whole milliseconds as Redis keeps them. */
function alive(entry: StateEntry | undefined, nowMs: number): unknown {
  if (entry === undefined || entry.endsAtMs <= nowMs) return undefined
  return entry.type === 'loading' ? { ...entry, dueAtMs: Math.round(entry.dueAtMs) } : entry
}

await describeOn('the scripts', missingRedisReason(), startRedis, (server) => {
  const client = new Redis(server.url)
  afterAll(() => client.quit())
  let keys = 0

  test('keep after any sequence of events what transition() keeps, and accept what it accepts', async () => {
    await fc.assert(
      fc.asyncProperty(acts, async (sequence) => {
        const key = `k${keys++}`
        let nowMs = START_MS
        let lastToken = 0
        let entry: StateEntry | undefined
        const tokens: number[] = []
        const states = redisStates({
          client: atTime(client, () => nowMs),
          settledTtlMs: SETTLED_TTL_MS,
          commandTimeoutMs: 10_000,
        })
        const model = (event: StateEvent): boolean => {
          const step = transition(entry, event, { nowMs, lastToken, settledTtlMs: SETTLED_TTL_MS })
          if (step.accepted) entry = step.entry
          return step.accepted
        }
        const accepts = (answer: Promise<unknown>): Promise<boolean> =>
          answer.then(
            () => true,
            (error: unknown) => {
              expect(error).toMatchObject({ code: 'MEDIA_LEASE_LOST' })
              return false
            },
          )
        for (const { act, ...given } of sequence) {
          const at = 'back' in given ? given.back : 0
          const token = tokens.at(-1 - at) ?? 1
          const lease = { key, fencingToken: token, endsAt: new Date(0) }
          if (act === 'time') nowMs += (given as { byMs: number }).byMs
          if (act === 'claim') {
            const options = given as { ttlMs: number; estimateMs?: number }
            const claimed = await states.claim(key, options)
            expect(claimed !== undefined).toBe(model({ type: 'claim', ...options }))
            if (claimed !== undefined) {
              tokens.push(claimed.fencingToken)
              lastToken = claimed.fencingToken
            }
          }
          if (act === 'extend') {
            const { back: _, ...options } = given as Extract<Act, { act: 'extend' }>
            expect(await accepts(states.extend(lease, options))).toBe(
              model({ type: 'extend', token, ...options }),
            )
          }
          if (act === 'settle') {
            const { to } = given as Extract<Act, { act: 'settle' }>
            expect(await accepts(states.settle(lease, to))).toBe(model({ type: 'settle', token, to }))
          }
          if (act === 'release') {
            await states.release(lease)
            model({ type: 'release', token })
          }
          if (act === 'invalidate') {
            await states.invalidate([key])
            model({ type: 'invalidate' })
          }
          const kept = await client.get(`mk:{${key}}`)
          const parsed = kept === null ? 'forgotten' : parseEntry(kept)
          expect(parsed).not.toBe('damaged')
          expect(alive(typeof parsed === 'string' ? undefined : parsed, nowMs)).toEqual(alive(entry, nowMs))
          expect(await client.pttl(`mk:{${key}}`)).not.toBe(-1)
        }
        await states.close()
      }),
      { numRuns: process.env['MEDIAKEEP_LONG'] === '1' ? 1_000 : 300 },
    )
  })
})
