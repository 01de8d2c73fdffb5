import { bytesSource, MediaError, type ObjectStore, type StoreAttempt, withMeter } from '@mediakeep/core'
import { describe, expect, test } from 'vitest'
import { streamSource } from '../bodies.ts'
import { fakeClock } from '../clock.ts'
import type { FaultPlan } from '../faults/plan.ts'
import { drain, openReader, putBytes } from '../object-store/expect.ts'
import { seededBytes } from '../random.ts'
import { faultyMemory } from './faulty.fixture.ts'

function metered(plan: FaultPlan = []) {
  const clock = fakeClock()
  const store = withMeter(faultyMemory(plan, clock).faulty, { clock })
  const attempts: StoreAttempt[] = []
  const stop = store.observe?.((attempt) => attempts.push(attempt))
  /** What was told since, in short: class, cause, bytes, status. */
  const told = (): unknown[] =>
    attempts.splice(0).map(({ class: kind, cause, bytes, status }) => [kind, cause, bytes, status])
  return { store, clock, told, attempts, stop }
}

describe('withMeter()', () => {
  test('tells one attempt per call with its class, cause, bytes and status', async () => {
    const { store, told } = metered()
    await putBytes(store, 'a', 'abc')
    await store.put('b', streamSource(seededBytes(1, 200_000)), { context: { cause: 'burst' } })
    expect(told()).toEqual([
      ['put', 'write', 3, 200],
      ['put', 'burst', 200_000, 200],
    ])
    await drain((await openReader(store, 'b')).stream())
    await drain((await openReader(store, 'b', { start: 10, endExclusive: 20 })).stream())
    await store.get('absent')
    await store.head('a')
    await store.head('absent', { context: { cause: 'probe' } })
    expect(told()).toEqual([
      ['get', 'read', 200_000, 200],
      ['get', 'read', 10, 206],
      ['get', 'read', 0, 404],
      ['head', 'read', 0, 200],
      ['head', 'probe', 0, 404],
    ])
    await store.list()
    await store.delete('a')
    await store.deleteMany(['b', 'c'])
    expect(told()).toEqual([
      ['list', 'read', 0, 200],
      ['delete', 'write', 0, 200],
      ['delete', 'write', 0, 200],
    ])
  })

  test('tells a get once its body is over, with what came of it', async () => {
    const cut = new MediaError('MEDIA_UNAVAILABLE', 'cut off')
    const { store, told } = metered([
      { member: 'get', call: 2, effect: { type: 'cut', atByte: 70_000, error: cut } },
    ])
    await putBytes(store, 'a', seededBytes(2, 1_000_000))
    told()
    const unread = await openReader(store, 'a')
    expect(told()).toEqual([])
    await unread[Symbol.asyncDispose]()
    expect(told()).toEqual([['get', 'read', 0, 200]])
    await expect(drain((await openReader(store, 'a')).stream())).rejects.toBe(cut)
    // Whole chunks pass; the one with the cut is lost with its stream.
    expect(told()).toEqual([['get', 'read', 65_536, 200]])
    const left = (await openReader(store, 'a')).stream()
    for await (const _chunk of left) break
    await new Promise((resolve) => setImmediate(resolve))
    const [[, , bytes]] = told() as [[string, string, number]]
    expect(bytes).toBeGreaterThan(0)
    expect(bytes).toBeLessThan(1_000_000)
  })

  test('tells of failures: a status where the backend answered, none where it did not', async () => {
    const { store, told } = metered([
      { member: 'head', effect: { type: 'fail', at: 'before' } },
      { member: 'put', call: 2, effect: { type: 'fail', at: 'after' } },
    ])
    await store.head('a').catch(() => {})
    await putBytes(store, 'a', 'abc')
    await store.put('a', streamSource(Buffer.from('abc'))).catch(() => {})
    await store.put('a', bytesSource(Buffer.from('x')), { when: { type: 'absent' } }).catch(() => {})
    expect(told()).toEqual([
      ['head', 'read', 0, undefined],
      ['put', 'write', 3, 200],
      ['put', 'write', 3, undefined],
      ['put', 'write', 0, 412],
    ])
  })

  test('tells of writers and files when they end', async () => {
    const { store, told } = metered()
    const writer = await store.createWriter?.('a')
    await writer?.write(Buffer.from('abc'))
    await writer?.write(Buffer.from('de'))
    expect(told()).toEqual([])
    await writer?.commit()
    await writer?.abort()
    const dropped = await store.createWriter?.('b')
    await dropped?.abort()
    const file = await store.openFile?.('a')
    await file?.read(new Uint8Array(4), 0)
    await file?.read(new Uint8Array(4), 4)
    await file?.close()
    expect(told()).toEqual([
      ['put', 'write', 5, 200],
      ['put', 'write', 0, undefined],
      ['get', 'read', 5, 206],
    ])
  })

  test('measures how long a call took', async () => {
    let release = (): void => {}
    const until = new Promise<void>((resolve) => {
      release = resolve
    })
    const { store, clock, attempts } = metered([
      { member: 'head', effect: { type: 'hold', at: 'before', until } },
    ])
    const head = store.head('a')
    clock.advance(1_234)
    release()
    await head
    expect(attempts[0]?.durationMs).toBe(1_234)
  })

  test('hears the inner store where it tells by itself, so that nothing is counted twice', async () => {
    const { store: inner, told } = metered()
    const outer: StoreAttempt[] = []
    const store: ObjectStore = withMeter(inner, { onAttempt: (attempt) => outer.push(attempt) })
    await store.head('a')
    expect(told().length).toBe(1)
    expect(outer.length).toBe(1)
    await store.close()
  })

  test('swallows what a listener throws, and tells no more after it was stopped', async () => {
    const { store, told, stop } = metered()
    const stopBroken = store.observe?.(() => {
      throw new Error('the listener is broken')
    })
    await store.head('a')
    expect(told().length).toBe(1)
    stop?.()
    stopBroken?.()
    await store.head('a')
    expect(told()).toEqual([])
  })
})
