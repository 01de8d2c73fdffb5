import { isMediaError, withLimit } from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { fakeClock } from '../clock.ts'
import { codeOf } from '../code-of.fixture.ts'
import type { FaultPlan } from '../faults/plan.ts'
import { drain, openReader, putBytes } from '../object-store/expect.ts'
import { seededBytes } from '../random.ts'
import { faultyMemory } from './faulty.fixture.ts'

function limited(options: { maxConcurrent?: number; maxQueued?: number } = {}) {
  const clock = fakeClock()
  const gates: (() => void)[] = []
  // Heads wait until the test lets them go: calls under way, to be counted.
  const holdHeads: FaultPlan = (member) =>
    member === 'head'
      ? { type: 'hold', at: 'before', until: new Promise<void>((resolve) => gates.push(resolve)) }
      : undefined
  const { inner, faulty, calls } = faultyMemory(holdHeads, clock)
  const store = withLimit(faulty, { maxConcurrent: 2, maxQueued: 2, clock, ...options })
  return { store, inner, clock, gates, calls }
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('withLimit()', () => {
  test('asks so much at once, lets as many wait, and refuses more as busy with the time to wait', async () => {
    const { store, gates, calls } = limited()
    const heads = Array.from({ length: 4 }, () => store.head('a'))
    await turns()
    expect([calls('head'), store.load()]).toEqual([2, { underWay: 2, waiting: 2 }])
    const error = await store.list().catch((thrown: unknown) => thrown)
    expect(isMediaError(error, 'MEDIA_BUSY') && [error.reason, error.retryAfterMs]).toEqual([
      'too-many-calls',
      2_000,
    ])
    gates.shift()?.()
    await turns()
    expect(calls('head')).toBe(3)
    for (; gates.length > 0; await turns()) gates.shift()?.()
    await Promise.all(heads)
    expect(store.load()).toEqual({ underWay: 0, waiting: 0 })
  })

  test('holds the place of a reader until its body is read, left, or it is disposed', async () => {
    const { store } = limited({ maxConcurrent: 1 })
    await putBytes(store, 'a', seededBytes(1, 500_000))
    const ends: ((reader: Awaited<ReturnType<typeof openReader>>) => Promise<unknown>)[] = [
      (reader) => drain(reader.stream()),
      async (reader) => {
        for await (const _chunk of reader.stream()) break
      },
      async (reader) => reader[Symbol.asyncDispose](),
      async (reader) => {
        reader.stream()
        await reader[Symbol.asyncDispose]()
      },
    ]
    for (const end of ends) {
      const reader = await openReader(store, 'a')
      const waiting = store.list()
      await turns()
      expect(store.load()).toEqual({ underWay: 1, waiting: 1 })
      await end(reader)
      await waiting
      await turns()
      expect(store.load()).toEqual({ underWay: 0, waiting: 0 })
    }
    await (await store.get('a', { range: { start: 1e9, endExclusive: 2e9 } }).catch(() => undefined))?.[
      Symbol.asyncDispose
    ]()
    await store.get('absent')
    expect(store.load()).toEqual({ underWay: 0, waiting: 0 })
  })

  test('frees the place of an unread reader whose call is aborted or whose deadline passes', async () => {
    const { store, clock } = limited({ maxConcurrent: 1 })
    await putBytes(store, 'a', 'x')
    const controller = new AbortController()
    await store.get('a', { signal: controller.signal })
    controller.abort()
    await store.get('a', { deadlineAt: new Date(clock.now() + 1_000) })
    expect(store.load().underWay).toBe(1)
    clock.advance(1_000)
    expect(store.load().underWay).toBe(0)
    expect(clock.pendingTimers).toBe(0)
  })

  test('holds the place of a writer until it has ended and of a file until it is closed', async () => {
    const { store } = limited({ maxConcurrent: 1 })
    for (const end of ['commit', 'abort'] as const) {
      const writer = await store.createWriter?.('a')
      expect(store.load().underWay).toBe(1)
      await writer?.write(Buffer.from('x'))
      await (end === 'commit' ? writer?.commit() : writer?.abort())
      expect(store.load().underWay).toBe(0)
    }
    const file = await store.openFile?.('a')
    expect(store.load().underWay).toBe(1)
    await file?.close()
    expect(store.load().underWay).toBe(0)
  })

  test('lets go who waits when its signal, its deadline or the end of the store comes', async () => {
    const { store, gates, clock } = limited({ maxConcurrent: 1, maxQueued: 3 })
    const under = codeOf(store.head('a'))
    const controller = new AbortController()
    const reason = new Error('the caller left')
    const aborted = store.list({ signal: controller.signal })
    const late = codeOf(store.list({ deadlineAt: new Date(clock.now() + 50) }))
    const closed = codeOf(store.list())
    await turns()
    expect(store.load()).toEqual({ underWay: 1, waiting: 3 })
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    clock.advance(50)
    expect(await late).toBe('deadline')
    await store.close()
    expect(await closed).toBe('MEDIA_CLOSED')
    gates.shift()?.()
    expect(await under).toBe('MEDIA_CLOSED')
    expect(store.load()).toEqual({ underWay: 0, waiting: 0 })
    expect(clock.pendingTimers).toBe(0)
  })

  test('refuses limits that are none', () => {
    for (const maxConcurrent of [0, -1, 1.5, Number.NaN])
      expect(() => withLimit(limited().inner, { maxConcurrent })).toThrow('maxConcurrent')
  })
})
