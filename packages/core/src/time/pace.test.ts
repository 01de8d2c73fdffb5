import { expect, it } from 'vitest'
import { createPace } from './pace.ts'

/** A clock that a test moves; what falls due is called back. */
function clock() {
  let nowMs = 1_000
  const timers = new Set<{ dueMs: number; callback: () => void }>()
  return {
    now: () => nowMs,
    after(ms: number, callback: () => void) {
      const timer = { dueMs: nowMs + ms, callback }
      timers.add(timer)
      return () => timers.delete(timer)
    },
    advance(ms: number) {
      nowMs += ms
      for (const timer of [...timers])
        if (timer.dueMs <= nowMs) {
          timers.delete(timer)
          timer.callback()
        }
    },
    timers,
  }
}

it('lets everything pass at once without a rate', () => {
  expect(createPace(undefined, clock()).spend(1e12, undefined)).toBeUndefined()
})

it('holds the rate on average to within a tenth', async () => {
  const time = clock()
  const pace = createPace(1_000_000, time)
  let spent = 0
  const startedMs = time.now()
  while (time.now() < startedMs + 10_000) {
    const wait = pace.spend(65_536, undefined)
    spent += 65_536
    while (time.timers.size > 0) {
      time.advance(1)
      await Promise.resolve()
    }
    await wait
  }
  expect(spent / 10).toBeGreaterThan(900_000)
  expect(spent / 10).toBeLessThan(1_100_000)
})

it('saves up nothing over a pause', async () => {
  const time = clock()
  const pace = createPace(1_000, time)
  expect(pace.spend(1, undefined)).toBeUndefined()
  time.advance(3_600_000)
  expect(pace.spend(1_000, undefined)).toBeInstanceOf(Promise)
  time.advance(1_000)
})

it('ends a wait with the reason of the signal and leaves no timer', async () => {
  const time = clock()
  const stop = new AbortController()
  const wait = createPace(1, time).spend(1_000, stop.signal)
  const reason = new Error('enough')
  stop.abort(reason)
  await expect(wait).rejects.toBe(reason)
  expect(time.timers.size).toBe(0)
})
