import { bytesSource, MediaError, memoryStore, type WithRetryOptions, withRetry } from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { failingSource, streamSource } from '../bodies.ts'
import { type FakeClock, fakeClock } from '../clock.ts'
import { codeOf } from '../code-of.fixture.ts'
import type { FaultPlan } from '../faults/plan.ts'
import { putBytes, readAll } from '../object-store/expect.ts'
import { seededBytes } from '../random.ts'
import { faultyMemory } from './faulty.fixture.ts'

/** A clock whose timers fire by themselves in the next turn, and which remembers how long they waited. */
function hurriedClock(): FakeClock & { readonly waitsMs: number[] } {
  const clock = fakeClock()
  const waitsMs: number[] = []
  return Object.assign(clock, {
    waitsMs,
    after: ((after) => (ms: number, callback: () => void) => {
      waitsMs.push(ms)
      setImmediate(() => clock.advance(ms))
      return after(ms, callback)
    })(clock.after),
  })
}

function retrying(plan: FaultPlan, options: WithRetryOptions = {}) {
  const clock = hurriedClock()
  const { inner, faulty, calls } = faultyMemory(plan, clock)
  const store = withRetry(faulty, { clock, random: () => 1, ...options })
  return { store, inner, clock, calls }
}
const failing =
  (member: string, calls: number, error?: Error): FaultPlan =>
  (name, call) =>
    name === member && call <= calls
      ? { type: 'fail', at: call % 2 === 0 ? 'after' : 'before', ...(error === undefined ? {} : { error }) }
      : undefined

describe('withRetry()', () => {
  test('tries again with growing pauses until it succeeds, and leaves no timer', async () => {
    for (const member of ['head', 'get', 'list', 'delete', 'openFile', 'createWriter']) {
      const { store, calls, clock } = retrying(failing(member, 3))
      await putBytes(store, 'a', 'abc')
      const run: Record<string, () => Promise<unknown>> = {
        head: () => store.head('a'),
        get: () => readAll(store, 'a'),
        list: () => store.list(),
        delete: () => store.delete('a'),
        openFile: async () => (await store.openFile?.('a'))?.close(),
        createWriter: async () => (await store.createWriter?.('a'))?.abort(),
      }
      expect(await codeOf(run[member]?.() ?? Promise.resolve()), member).toBe('ok')
      expect([member, calls(member)]).toEqual([member, 4])
      expect(clock.waitsMs).toEqual([100, 200, 400])
      expect(clock.pendingTimers).toBe(0)
    }
  })

  test('gives up after so many attempts with the last error as it is', async () => {
    const last = new MediaError('MEDIA_UNAVAILABLE', 'still down')
    const { store, calls } = retrying(failing('head', 100, last), { maxAttempts: 3 })
    await expect(store.head('a')).rejects.toBe(last)
    expect(calls('head')).toBe(3)
  })

  test('opens the source of a put anew for each attempt', async () => {
    const bytes = seededBytes(1, 300_000)
    const source = streamSource(bytes)
    const { store, inner } = retrying([
      {
        member: 'put',
        call: 1,
        effect: { type: 'cut', atByte: 100_000, error: new MediaError('MEDIA_BUSY', 'later') },
      },
      { member: 'put', call: 2, effect: { type: 'fail', at: 'after' } },
    ])
    await store.put('a', source)
    expect(Buffer.compare(await readAll(inner, 'a'), bytes)).toBe(0)
    expect(source.opened).toBe(3)
    expect(source.live).toBe(0)
  })

  test('never tries again what a first attempt may have made impossible', async () => {
    const { store, calls } = retrying(failing('put', 100))
    expect(await codeOf(store.put('a', bytesSource(Buffer.from('x')), { when: { type: 'absent' } }))).toBe(
      'injected',
    )
    expect(calls('put')).toBe(1)
  })

  test('never tries again what will not pass, nor what a source did', async () => {
    const { store, calls } = retrying([])
    await codeOf(store.put('a', failingSource(seededBytes(2, 100_000), 10, new Error('the source broke'))))
    await codeOf(
      store.put(
        'a',
        failingSource(seededBytes(2, 100_000), 10, new MediaError('MEDIA_UNAVAILABLE', 'of the source')),
      ),
    )
    await codeOf(store.put('', bytesSource(Buffer.from('x'))))
    expect(calls('put')).toBe(3)
    for (const code of ['MEDIA_NO_SPACE', 'MEDIA_CLOSED', 'MEDIA_TIMEOUT', 'MEDIA_CORRUPT'] as const) {
      const final = retrying(failing('head', 100, new MediaError(code, 'no')))
      expect(await codeOf(final.store.head('a'))).toBe(code)
      expect(final.calls('head')).toBe(1)
    }
  })

  test('waits as long as the backend asks, and not at all when that is too long or past the deadline', async () => {
    const busy = (retryAfterMs: number) => new MediaError('MEDIA_BUSY', 'later', { retryAfterMs })
    const asked = retrying(failing('head', 1, busy(3_000)))
    expect(await codeOf(asked.store.head('a'))).toBe('ok')
    expect(asked.clock.waitsMs).toEqual([3_000])
    const tooLong = retrying(failing('head', 1, busy(6_000)))
    expect(await codeOf(tooLong.store.head('a'))).toBe('MEDIA_BUSY')
    const late = retrying(failing('head', 1))
    expect(await codeOf(late.store.head('a', { deadlineAt: new Date(late.clock.now() + 100) }))).toBe(
      'injected',
    )
    expect([tooLong.calls('head'), late.calls('head')]).toEqual([1, 1])
  })

  test('deletes again only the keys that failed, and answers each in its place', async () => {
    const { inner } = retrying([])
    const asked: string[][] = []
    const flaky = Object.assign({}, inner, {
      deleteMany: async (keys: readonly string[]) => {
        asked.push([...keys])
        if (asked.length === 2) throw new MediaError('MEDIA_UNAVAILABLE', 'the whole batch')
        return keys.map((key) =>
          key === 'bad'
            ? { key, error: new MediaError('MEDIA_BAD_INPUT', 'never') }
            : key === 'b' && asked.length === 1
              ? { key, error: new MediaError('MEDIA_UNAVAILABLE', 'once') }
              : { key },
        )
      },
    })
    const store = withRetry(flaky, { clock: hurriedClock(), random: () => 1 })
    const answers = await store.deleteMany(['a', 'b', 'bad', 'c'])
    expect(answers.map(({ key, error }) => [key, error?.message])).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['bad', 'never'],
      ['c', undefined],
    ])
    expect(asked).toEqual([['a', 'b', 'bad', 'c'], ['b'], ['b']])
  })

  test('ends a pause with the reason of the signal, or when the store is closed', async () => {
    const clock = fakeClock()
    const store = withRetry(faultyMemory(failing('head', 100), clock).faulty, { clock })
    const controller = new AbortController()
    const reason = { why: 'any value' }
    const aborted = store.head('a', { signal: controller.signal })
    const closed = codeOf(store.head('a'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(clock.pendingTimers).toBe(2)
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    await store.close()
    expect(await closed).toBe('MEDIA_CLOSED')
    expect(clock.pendingTimers).toBe(0)
  })

  test('refuses a store that retries by itself', () => {
    const store = withRetry(memoryStore())
    expect(store.traits.retries).toBe(true)
    expect(() => withRetry(store)).toThrow(
      expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'retries-twice' }),
    )
  })
})
