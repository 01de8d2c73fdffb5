import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { bytesSource } from '../../bytes/source.ts'
import type { Clock } from '../../contracts/clock.ts'
import { isMediaError } from '../../errors/media-error.ts'
import { memoryStore } from './store.ts'

const codeOf = async (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'ok',
    (error: unknown) => (isMediaError(error) ? error.code : String(error)),
  )

const body = (sizeBytes: number) => bytesSource(new Uint8Array(sizeBytes))

describe('memoryStore()', () => {
  test('refuses a put that does not fit beside what is stored, and takes it once there is room', async () => {
    await using store = memoryStore({ maxBytes: 100 })
    await store.put('a', body(60))
    expect(await codeOf(store.put('b', body(41)))).toBe('MEDIA_NO_SPACE')
    expect(await codeOf(store.put('b', body(40)))).toBe('ok')
    expect(store.volume.usedBytes).toBe(100)
    await store.delete('a')
    expect(await codeOf(store.put('c', body(60)))).toBe('ok')
  })

  test('gives parts of bodies room of the volume, and refuses what does not fit before and while it comes', async () => {
    await using store = memoryStore({ maxBytes: 100 })
    const partials = store.staging?.partials
    const part = { name: 'session', part: 0 }
    await store.put('a', body(30))
    expect(await codeOf(Promise.resolve(partials?.open({ ...part, sizeBytes: 71 })))).toBe('MEDIA_NO_SPACE')
    const writer = await partials?.open({ ...part, sizeBytes: 70 })
    await writer?.write(new Uint8Array(20), 50)
    await writer?.write(new Uint8Array(20), 50)
    expect(store.volume.usedBytes).toBe(100)
    expect(await codeOf(Promise.resolve(writer?.write(new Uint8Array(1), 70)))).toBe('MEDIA_NO_SPACE')
    expect(await codeOf(Promise.resolve(partials?.open({ ...part, sizeBytes: 70 })))).toBe('ok')
    await partials?.find({ ...part, sizeBytes: 40 })
    expect(store.volume.usedBytes).toBe(70)
    await store.staging?.sweep(() => false)
    expect(store.volume.usedBytes).toBe(30)
    expect(await codeOf(Promise.resolve(writer?.write(new Uint8Array(1), 0)))).toBe('MEDIA_BAD_INPUT')
  })

  test('shows nothing of what find() has cut off, also in a hole of later writes', async () => {
    await using store = memoryStore()
    const partials = store.staging?.partials
    const part = { name: 'session', part: 0 }
    const writer = await partials?.open(part)
    await writer?.write(Buffer.from('secret'), 0)
    await partials?.find({ ...part, sizeBytes: 1 })
    await writer?.write(Buffer.from('!'), 5)
    const found = await partials?.find({ ...part, sizeBytes: 6 })
    expect(Buffer.concat((await found?.open().toArray()) ?? []).toString()).toBe('s\0\0\0\0!')
  })

  test('reserves before the first byte: two bodies that fit only alone are not both taken', async () => {
    await using store = memoryStore({ maxBytes: 100 })
    const slow = (sizeBytes: number) => ({ sizeBytes, open: () => Readable.from([Buffer.alloc(sizeBytes)]) })
    const codes = await Promise.all([codeOf(store.put('a', slow(60))), codeOf(store.put('b', slow(60)))])
    expect(codes.sort()).toEqual(['MEDIA_NO_SPACE', 'ok'])
    expect(store.volume.usedBytes).toBe(60)
  })

  test('gives room back when an object is replaced by a smaller one', async () => {
    await using store = memoryStore({ maxBytes: 100 })
    await store.put('a', body(60))
    await store.put('a', body(10))
    expect(store.volume.usedBytes).toBe(10)
  })

  test('refuses more than maxBytes as MEDIA_TOO_LARGE, since no delete could make room', async () => {
    await using store = memoryStore({ maxBytes: 100 })
    expect(await codeOf(store.put('a', body(101)))).toBe('MEDIA_TOO_LARGE')
  })

  test('bounds a writer of unknown length, and frees what it took', async () => {
    await using store = memoryStore({ maxBytes: 100 })
    const writer = await store.createWriter?.('a')
    await writer?.write(new Uint8Array(80))
    expect(await codeOf(Promise.resolve(writer?.write(new Uint8Array(21))))).toBe('MEDIA_NO_SPACE')
    await writer?.abort()
    expect(store.volume.usedBytes).toBe(0)
  })

  test('keeps staging within its own budget', async () => {
    await using store = memoryStore({ maxBytes: 100, stagingBudgetBytes: 50 })
    await store.put('a', body(100))
    const staged = await store.staging?.create({ name: 's', sizeBytes: 50 })
    expect(await codeOf(Promise.resolve(store.staging?.create({ name: 't', sizeBytes: 1 })))).toBe(
      'MEDIA_BUSY',
    )
    await staged?.abort()
    expect(store.staging?.usedBytes).toBe(0)
  })

  test('sweeps staged bodies whose session is gone, and tells how many', async () => {
    await using store = memoryStore()
    await store.staging?.create({ name: 'dead', sizeBytes: 10 })
    const live = await store.staging?.create({ name: 'live', sizeBytes: 10 })
    expect(await store.staging?.sweep((name) => name === 'live')).toBe(1)
    expect(store.staging?.usedBytes).toBe(10)
    await live?.abort()
  })

  test('takes instants and deadlines from its clock, and leaves no timer', async () => {
    const timers = new Set<() => void>()
    const clock: Clock = {
      now: () => 1_000_000,
      after(_ms, callback) {
        timers.add(callback)
        return () => timers.delete(callback)
      },
    }
    await using store = memoryStore({ clock })
    const head = await store.put('a', body(1), { deadlineAt: new Date(1_000_001) })
    expect(head.modifiedAt.getTime()).toBe(1_000_000)
    expect(timers.size).toBe(0)
    expect(await codeOf(store.head('a', { deadlineAt: new Date(1_000_000) }))).toBe('MEDIA_TIMEOUT')
    expect(timers.size).toBe(0)
  })

  test('refuses a source that declares no length one can reserve', async () => {
    await using store = memoryStore()
    for (const sizeBytes of [-1, 0.5, Number.NaN]) {
      expect(await codeOf(store.put('a', { sizeBytes, open: () => Readable.from([]) }))).toBe(
        'MEDIA_BAD_INPUT',
      )
    }
    expect(store.volume.usedBytes).toBe(0)
  })
})
