import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { bytesSource } from '../bytes/source.ts'
import type { Clock } from '../contracts/clock.ts'
import type { ObjectHead, ObjectStore } from '../contracts/object-store.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { objectPartials } from './object-partials.ts'
import { isPieceKey } from './piece-keys.ts'

const bytes = Buffer.from(Array.from({ length: 1_000 }, (_, index) => index % 251))
const part = { name: '0192f3a0-5b7e-7c31-9a51-2f6d1c0e8b44', part: 0 }
const opened = (store: ObjectStore, pieceBytes: number) =>
  objectPartials(store, { pieceBytes, sweepAfterMs: 0 })

async function objectsOf(store: ObjectStore): Promise<readonly ObjectHead[]> {
  return (await store.list()).objects
}

async function contentOf(store: ObjectStore, sizeBytes: number): Promise<Buffer> {
  const body = await objectPartials(store).find({ ...part, sizeBytes })
  if (body === undefined) throw new Error('there is no such part')
  return Buffer.concat(await body.open().toArray())
}

describe('objectPartials()', () => {
  it('puts an object when a piece is full, and what is left on sync: never one per chunk', async () => {
    await using store = memoryStore()
    const writer = await opened(store, 100).open(part)
    for (let at = 0; at < 250; at += 10) await writer.write(bytes.subarray(at, at + 10), at)
    expect((await objectsOf(store)).map(({ sizeBytes }) => sizeBytes)).toEqual([100, 100])
    await writer.sync()
    await writer.sync()
    const objects = await objectsOf(store)
    expect(objects.map(({ sizeBytes }) => sizeBytes)).toEqual([100, 100, 50])
    expect(objects[2]?.key).toBe(`mk-partials/${part.name}/0/0000000000000200-0000000003`)
    expect(objects.every(({ key }) => isPieceKey(key))).toBe(true)
    await writer.close()
  })

  it('keeps what was synced when a later writer rewrites a part of it and dies', async () => {
    await using store = memoryStore()
    const first = await opened(store, 1_000).open(part)
    await first.write(bytes, 0)
    await first.sync()
    const second = await opened(store, 100).open(part)
    await second.write(bytes.subarray(0, 150), 0) // one piece is put, half of one is lost
    expect(await contentOf(store, bytes.length)).toEqual(bytes)
  })

  it('goes on from what was acknowledged, whatever a writer that died has put behind it', async () => {
    await using store = memoryStore()
    const dead = await opened(store, 100).open(part)
    await dead.write(bytes.subarray(0, 70), 0)
    await dead.sync()
    await dead.write(Buffer.alloc(400, 0xff), 70) // four pieces, never acknowledged
    const next = await opened(store, 128).open(part)
    for (let at = 70; at < bytes.length; at += 31) await next.write(bytes.subarray(at, at + 31), at)
    await next.sync()
    expect(await contentOf(store, bytes.length)).toEqual(bytes)
  })

  it('deletes pieces once later ones hold all that is in them', async () => {
    await using store = memoryStore()
    const writer = await opened(store, 100).open(part)
    await writer.write(bytes.subarray(0, 300), 0)
    for (let again = 0; again < 5; again++) await writer.write(bytes.subarray(100, 200), 100)
    expect(await objectsOf(store)).toHaveLength(3)
    const whole = await opened(store, 1_000).open(part)
    await whole.write(bytes, 0)
    expect(await objectsOf(store)).toHaveLength(1)
    expect(await contentOf(store, bytes.length)).toEqual(bytes)
  })

  it('loses nothing when a put fails: the next sync tries again', async () => {
    await using memory = memoryStore()
    let failures = 2
    const store: ObjectStore = {
      ...memory,
      put: (...args) => (failures-- > 0 ? Promise.reject(new Error('no answer')) : memory.put(...args)),
    }
    const writer = await opened(store, 100).open(part)
    await writer.write(bytes.subarray(0, 60), 0)
    await expect(writer.sync()).rejects.toThrow('no answer')
    await expect(writer.write(bytes.subarray(60, 120), 60)).rejects.toThrow('no answer')
    await writer.write(bytes.subarray(60, 120), 60)
    await writer.sync()
    expect(await contentOf(memory, 120)).toEqual(bytes.subarray(0, 120))
  })

  it('tells a piece that is gone as MEDIA_CORRUPT part-short, when it is looked for and when it is read', async () => {
    await using store = memoryStore()
    const writer = await opened(store, 100).open(part)
    await writer.write(bytes.subarray(0, 300), 0)
    const body = await opened(store, 100).find({ ...part, sizeBytes: 300 })
    const key = (await objectsOf(store))[1]?.key ?? ''
    const short = { code: 'MEDIA_CORRUPT', reason: 'part-short' }
    await store.put(key, bytesSource(bytes.subarray(100, 199)))
    await expect(body?.open().toArray(), 'a byte is missing').rejects.toMatchObject(short)
    await store.delete(key)
    await expect(body?.open().toArray()).rejects.toMatchObject(short)
    await expect(opened(store, 100).find({ ...part, sizeBytes: 300 })).rejects.toMatchObject(short)
    expect(await contentOf(store, 100)).toEqual(bytes.subarray(0, 100))
  })

  it('a destroyed stream ends a read that waits for its store', async () => {
    await using memory = memoryStore()
    const writer = await opened(memory, 100).open(part)
    await writer.write(bytes.subarray(0, 200), 0)
    let ended: unknown
    const store: ObjectStore = {
      ...memory,
      get: (_key, options) =>
        new Promise((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject((ended = options.signal?.reason)))
        }),
    }
    const body = await opened(store, 100).find({ ...part, sizeBytes: 200 })
    const stream = body?.open() ?? Readable.from([])
    stream.read(1)
    await new Promise((resolve) => stream.once('close', resolve).destroy())
    expect(ended).toBeDefined()
  })

  it('sweep() leaves the young, and asks once for each name', async () => {
    let nowMs = Date.parse('2026-03-01')
    const clock: Clock = { now: () => nowMs, after: () => () => {} }
    await using store = memoryStore({ clock })
    const partials = objectPartials(store, { pieceBytes: 10, sweepAfterMs: 1_000, clock })
    const writer = await partials.open(part)
    await writer.write(bytes.subarray(0, 50), 0)
    await store.put('mk-partials/not-of-ours', { sizeBytes: 0, open: () => Readable.from([]) })
    const asked: string[] = []
    const sweep = () => partials.sweep((name) => (asked.push(name), false))
    nowMs += 999
    expect(await sweep()).toBe(0)
    expect(asked).toEqual([part.name])
    nowMs += 1
    expect(await sweep()).toBe(5)
    expect((await objectsOf(store)).map(({ key }) => key)).toEqual(['mk-partials/not-of-ours'])
  })

  for (const name of ['x'.repeat(201), 'a\ud800'])
    it(`refuses the name ${JSON.stringify(name.slice(0, 8))}`, async () => {
      await using store = memoryStore()
      await expect(objectPartials(store).open({ name, part: 0 })).rejects.toMatchObject({
        reason: 'bad-name',
      })
    })
})
