import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import type { ReadableStream as WebStream } from 'node:stream/web'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import type { Body } from '../contracts/bytes.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { bytesOf, fixture, keys, large, small } from './store.fixture.ts'

/** Larger than the blocks that small chunks are gathered in, and still held in memory. */
const fitting = large.subarray(0, 500_000)

describe('put() and open()', () => {
  const bodies: readonly (readonly [string, Buffer, () => Body])[] = [
    ['a Uint8Array', large, () => new Uint8Array(large)],
    ['a Readable', large, () => Readable.from([large.subarray(0, 70_000), large.subarray(70_000)])],
    ['an async iterable that uses its buffer again', large, () => reusing(large, 10_007)],
    ['an async iterable that uses its buffer again, in memory', fitting, () => reusing(fitting, 40_000)],
    [
      'a Readable.from an iterable that uses its buffer again',
      fitting,
      () => Readable.from(reusing(fitting, 40_000)),
    ],
    [
      'a byte stream from an iterable that uses its buffer again',
      fitting,
      () => Readable.from(reusing(fitting, 40_000), { objectMode: false }),
    ],
    [
      'a larger byte stream from an iterable that uses its buffer again',
      large,
      () => Readable.from(reusing(large, 40_000), { objectMode: false }),
    ],
    [
      'a Readable from a web stream whose source uses its buffer again',
      fitting,
      () => Readable.fromWeb(pulled(reusing(fitting, 40_000)) as unknown as WebStream),
    ],
    ['a transform whose writer uses its buffer again', fitting, () => written(fitting)],
    ['a Readable of bytes that fits in memory', fitting, () => pushed(fitting)],
    ['a Blob', large, () => new Blob([large])],
    ['a web stream', large, () => new Blob([large]).stream() as unknown as ReadableStream<Uint8Array>],
    [
      'a small Readable',
      large.subarray(0, 2000),
      () => Readable.from([large.subarray(0, 1000), large.subarray(1000, 2000)]),
    ],
  ]
  async function* reusing(bytes: Buffer, bufferBytes: number): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.alloc(bufferBytes)
    for (let at = 0; at < bytes.length; at += buffer.length) {
      await setImmediate() // a stream may have asked ahead: let it give away what it has
      const count = bytes.copy(buffer, 0, at)
      yield buffer.subarray(0, count)
    }
  }
  function pulled(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
    return new ReadableStream({
      async pull(controller) {
        const next = await chunks.next()
        if (next.done === true) controller.close()
        else controller.enqueue(next.value)
      },
    })
  }
  function written(bytes: Buffer): Readable {
    const stream = new PassThrough()
    const buffer = Buffer.alloc(40_000)
    const next = async (at: number): Promise<void> => {
      await setImmediate() // as a writer that reads a file into its buffer
      if (at >= bytes.length) stream.end()
      else stream.write(buffer.subarray(0, bytes.copy(buffer, 0, at)), () => void next(at + buffer.length))
    }
    void next(0)
    return stream
  }
  function pushed(bytes: Buffer): Readable {
    let at = 0
    return new Readable({
      read() {
        const chunk = Buffer.from(bytes.subarray(at, at + 40_000))
        at += chunk.length
        this.push(chunk.length === 0 ? null : chunk)
      },
    })
  }
  for (const [name, want, body] of bodies) {
    it(`give back the bytes of ${name}, whole and by range`, async () => {
      const { store } = await fixture()
      const media = await store.put(body(), { filename: 'a.bin' })
      expect(media).toMatchObject({
        digest: digestOf(want),
        sizeBytes: want.length,
        state: 'active',
        contentNumber: 1,
      })
      expect((await bytesOf(store, media.id)).equals(want)).toBe(true)
      await using reader = await store.open(media.id, { range: { start: 100, endExclusive: 1900 } })
      expect(Buffer.from(await reader.bytes({ maxBytes: 1800 })).equals(want.subarray(100, 1900))).toBe(true)
    })
  }

  it('take a local file, keep it, and take it away with move', async () => {
    const { store } = await fixture()
    const folder = await mkdtemp(join(tmpdir(), 'mediakeep-put-'))
    const path = join(folder, 'note.bin')
    for (const bytes of [small, large]) {
      await writeFile(path, bytes)
      const kept = await store.put({ path })
      expect((await bytesOf(store, kept)).equals(bytes)).toBe(true)
      expect((await stat(path)).size).toBe(bytes.length)
      const moved = await store.put({ path, move: true })
      expect((await bytesOf(store, moved)).equals(bytes)).toBe(true)
      expect(await readdir(folder)).toEqual([])
    }
    await rm(folder, { recursive: true })
    await expect(store.put({ path })).rejects.toMatchObject({ code: 'MEDIA_BAD_INPUT', reason: 'bad-path' })
  })

  it('leave a file that was to be moved where it is when the put fails', async () => {
    const { store } = await fixture()
    const folder = await mkdtemp(join(tmpdir(), 'mediakeep-put-'))
    const path = join(folder, 'a.jpg')
    await writeFile(path, 'no jpeg')
    await expect(store.put({ path, move: true }, { filename: 'a.jpg' })).rejects.toMatchObject({
      code: 'MEDIA_TYPE_REFUSED',
    })
    expect(await readdir(folder)).toEqual(['a.jpg'])
    await rm(folder, { recursive: true })
  })

  it('keep one blob for equal bytes of two owners, and its bytes while one of them lives', async () => {
    const { store, objects } = await fixture({ upkeep: { intervalMs: 0, garbageGraceMs: 0 } })
    const [a, b] = [
      await store.put(large, { owner: 'a' }),
      await store.put(Readable.from([large]), { owner: 'b' }),
    ]
    expect(a.id).not.toBe(b.id)
    expect(await keys(objects)).toHaveLength(1)
    await store.delete(a.id)
    for await (const _ of store.upkeep.collectGarbage());
    expect((await bytesOf(store, b.id)).equals(large)).toBe(true)
    await store.delete(b.id)
    for await (const _ of store.upkeep.collectGarbage());
    expect(await keys(objects)).toEqual([])
  })

  it('keep one blob when 24 equal bodies arrive at once', async () => {
    const { store, objects } = await fixture()
    const all = await Promise.all(
      Array.from({ length: 24 }, (_, index) =>
        store.put(Readable.from([large]), { owner: `owner-${index}` }),
      ),
    )
    expect(new Set(all.map(({ id }) => id)).size).toBe(24)
    expect(await keys(objects)).toHaveLength(1)
  })

  it('heal a blob whose bytes were lost or cut, when the same bytes are put again', async () => {
    const { store, objects } = await fixture({ reads: { cacheBytes: 0 } })
    const first = await store.put(large)
    await objects.delete((await keys(objects))[0] as string)
    await expect(store.open(first.id)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
    await store.put(large)
    expect((await bytesOf(store, first.id)).equals(large)).toBe(true)
  })

  it('write the bytes anew when the copy that is there was cut or is gone, unseen by any reader', async () => {
    const { store, objects } = await fixture({ reads: { cacheBytes: 0 } })
    const media = await store.put(large)
    const cut = large.subarray(0, 100)
    await objects.put((await keys(objects))[0] as string, {
      sizeBytes: 100,
      bytes: cut,
      open: () => Readable.from([cut]),
    })
    await store.put(large)
    expect((await bytesOf(store, media.id)).equals(large)).toBe(true)
    for (const key of await keys(objects)) await objects.delete(key)
    await store.put(large)
    expect((await bytesOf(store, media.id)).equals(large)).toBe(true)
  })

  it('write bytes of their own when the copy they were to share is found damaged before the commit', async () => {
    const catalog = memoryCatalog()
    const { store, objects } = await fixture({ catalog, reads: { cacheBytes: 0 } })
    const first = await store.put(large)
    const commit = catalog.commitContent.bind(catalog)
    let damaged = false
    catalog.commitContent = async (input) => {
      if (!damaged) {
        damaged = true
        const placement = (await catalog.get('default', first.id))?.content.placements[0]
        await catalog.markBad(placement?.id ?? '')
      }
      return commit(input)
    }
    const second = await store.put(large)
    expect(await keys(objects)).toHaveLength(2)
    for (const { id } of [first, second]) expect((await bytesOf(store, id)).equals(large)).toBe(true)
  })

  it('drop bytes that lost the race of two processes at once', async () => {
    const [objects, catalog] = [memoryStore(), memoryCatalog()]
    const tiers = [{ name: 'm', store: objects }]
    const [{ store: one }, { store: two }] = [
      await fixture({ tiers, catalog }),
      await fixture({ tiers, catalog }),
    ]
    const media = await Promise.all([one, two, one, two].map((store) => store.put(Readable.from([large]))))
    expect(await keys(objects)).toHaveLength(1)
    for (const { id } of media) expect((await bytesOf(one, id)).equals(large)).toBe(true)
  })

  it('close every file they open, whatever happens to the reader', async () => {
    const objects = memoryStore()
    let open = 0
    const counting = new Proxy(objects, {
      get(target, name, receiver) {
        if (name !== 'openFile') return Reflect.get(target, name, receiver)
        return async (key: string) => {
          const file = await target.openFile?.(key)
          if (file === undefined) return undefined
          open++
          let closed = false
          return {
            sizeBytes: file.sizeBytes,
            read: (buffer: Uint8Array, position: number) => file.read(buffer, position),
            stamp: () => file.stamp(),
            async close() {
              if (!closed) open--
              closed = true
              await file.close()
            },
          }
        }
      },
    })
    const { store } = await fixture({ tiers: [{ name: 'm', store: counting }], reads: { cacheBytes: 0 } })
    const media = await store.put(large)
    await bytesOf(store, media)
    await (await store.open(media, { range: { start: 5, endExclusive: 10 } })).bytes({ maxBytes: 5 })
    const half = (await store.open(media)).stream()
    for await (const _ of half) break
    await new Promise((resolve) => (half.closed ? resolve(null) : half.once('close', resolve)))
    expect(open).toBe(0)
    await (await store.open(media))[Symbol.asyncDispose]()
    await expect((await store.open(media)).bytes({ maxBytes: 1 })).rejects.toThrow()
    const note = await store.put(small)
    await bytesOf(store, note)
    expect(open).toBe(0)
  })

  it('never give out wrong bytes: whole, by range, and from a cached object', async () => {
    const { store, objects, events } = await fixture({ reads: { cacheBytes: 0 } })
    for (const bytes of [Buffer.from('x'.repeat(5000)), large]) {
      const media = await store.put(bytes)
      const key = (await keys(objects))[0] as string
      const damaged = Buffer.from(bytes)
      damaged[1234] = (damaged[1234] as number) ^ 1
      await objects.put(key, {
        sizeBytes: damaged.length,
        bytes: damaged,
        open: () => Readable.from([damaged]),
      })
      const ranged = async (): Promise<Uint8Array> =>
        (await store.open(media.id, { range: { start: 1200, endExclusive: 1300 } })).bytes({ maxBytes: 1000 })
      await expect(ranged()).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
      await expect(bytesOf(store, media.id)).rejects.toMatchObject({ code: 'MEDIA_CORRUPT' })
      expect(events.some(({ type }) => type === 'blob.corrupt')).toBe(true)
      await store.delete(media.id)
      for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 }));
    }
  })
})
