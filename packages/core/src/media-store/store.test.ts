import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import type { Body } from '../contracts/bytes.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { type MemoryStore, memoryStore } from '../memory/object-store/index.ts'
import { createMediaStore } from './create.ts'
import type { MediaStoreOptions } from './options.ts'

const opened: MediaStore[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

interface Fixture {
  readonly store: MediaStore
  readonly objects: MemoryStore
  readonly events: MediaEvent[]
}

async function fixture(options: Partial<MediaStoreOptions> = {}): Promise<Fixture> {
  const objects = memoryStore()
  const events: MediaEvent[] = []
  const store = await createMediaStore({
    tiers: [{ name: 'memory', store: objects }],
    catalog: memoryCatalog(),
    observer: (event) => events.push(event),
    publicBaseUrl: 'https://media.example/media',
    upkeep: { intervalMs: 0 },
    ...options,
  })
  opened.push(store)
  return { store, objects, events }
}

const keys = async (objects: MemoryStore): Promise<string[]> =>
  (await objects.list()).objects.map(({ key }) => key)
const bytesOf = async (store: MediaStore, ref: Parameters<MediaStore['open']>[0]): Promise<Buffer> =>
  Buffer.from(await (await store.open(ref)).bytes({ maxBytes: 1e9 }))

/** Nothing of a put that failed is left: no record, no object, no staged byte, no session, no reservation. */
async function expectNothing({ store, objects }: Fixture): Promise<void> {
  expect((await store.list()).items).toEqual([])
  expect(await keys(objects)).toEqual([])
  expect(objects.staging?.usedBytes).toBe(0)
  expect(await store.uploads.list()).toEqual([])
  for (const { volumes } of await store.tiers.status())
    for (const { reservedBytes } of volumes) expect(reservedBytes).toBe(0)
}

const small = Buffer.from('a small note')
const large = randomBytes(3_000_001)

describe('put() and open()', () => {
  const bodies: readonly (readonly [string, () => Body])[] = [
    ['a Uint8Array', () => new Uint8Array(large)],
    ['a Readable', () => Readable.from([large.subarray(0, 70_000), large.subarray(70_000)])],
    ['an async iterable that uses its buffer again', () => reusing(large)],
    ['a Blob', () => new Blob([large])],
    ['a web stream', () => new Blob([large]).stream() as unknown as ReadableStream<Uint8Array>],
    ['a small Readable', () => Readable.from([large.subarray(0, 1000), large.subarray(1000, 2000)])],
  ]
  async function* reusing(bytes: Buffer): AsyncGenerator<Uint8Array> {
    const buffer = Buffer.alloc(10_007)
    for (let at = 0; at < bytes.length; at += buffer.length) {
      const count = bytes.copy(buffer, 0, at)
      yield buffer.subarray(0, count)
    }
  }
  for (const [name, body] of bodies) {
    it(`give back the bytes of ${name}, whole and by range`, async () => {
      const { store } = await fixture()
      const media = await store.put(body(), { filename: 'a.bin' })
      const want = name === 'a small Readable' ? large.subarray(0, 2000) : large
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

describe('put() refuses', () => {
  const refusals: readonly (readonly [
    string,
    () => Body,
    Parameters<MediaStore['put']>[1],
    string,
    string | undefined,
  ])[] = [
    ['an empty body', () => new Uint8Array(), {}, 'MEDIA_BAD_INPUT', 'empty-file'],
    ['an empty stream', () => Readable.from([]), {}, 'MEDIA_BAD_INPUT', 'empty-file'],
    [
      'a body shorter than declared',
      () => Readable.from([large]),
      { sizeBytes: large.length + 1 },
      'MEDIA_BAD_INPUT',
      'incomplete-body',
    ],
    [
      'a body longer than declared',
      () => Readable.from([large]),
      { sizeBytes: large.length - 1 },
      'MEDIA_BAD_INPUT',
      'size-mismatch',
    ],
    [
      'another digest than declared',
      () => Readable.from([large]),
      { digest: digestOf(small) },
      'MEDIA_DIGEST_MISMATCH',
      'digest-mismatch',
    ],
    [
      'a type that the bytes contradict',
      () => Readable.from([large]),
      { contentType: 'image/png' },
      'MEDIA_TYPE_REFUSED',
      'content-type-mismatch',
    ],
    [
      'a declared type that no policy takes',
      () => Readable.from([large]),
      { contentType: 'text/html' },
      'MEDIA_TYPE_REFUSED',
      'type-not-allowed',
    ],
    ['a body over the limit', () => Readable.from([large, large]), {}, 'MEDIA_TOO_LARGE', 'entity-too-large'],
    [
      'a declared size over the limit',
      () => Readable.from([small]),
      { sizeBytes: 5_000_001 },
      'MEDIA_TOO_LARGE',
      'entity-too-large',
    ],
    [
      'an unknown id',
      () => small,
      { at: '01a1fe23-448e-7226-b88c-bb377fa62870' },
      'MEDIA_ABSENT',
      'unknown-id',
    ],
    ['a NUL in the name', () => small, { filename: 'a\0.txt' }, 'MEDIA_BAD_INPUT', 'nul-in-name'],
    ['a key that climbs', () => small, { at: { key: 'a/../b' } }, 'MEDIA_BAD_INPUT', 'bad-key'],
    ['what is no body', () => 7 as unknown as Body, {}, 'MEDIA_BAD_INPUT', 'not-bytes'],
    ['a body that fails', () => failing(), {}, 'MEDIA_UNAVAILABLE', undefined],
    [
      'late options that are wrong',
      () => Readable.from([large]),
      { finish: () => ({ tags: ['a'.repeat(10_000)] }) },
      'MEDIA_BAD_INPUT',
      undefined,
    ],
    [
      'a late name that the bytes contradict',
      () => Readable.from([large]),
      { finish: () => ({ filename: 'a.png' }) },
      'MEDIA_TYPE_REFUSED',
      'extension-mismatch',
    ],
  ]
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield large
    throw Object.assign(new Error('gone'), { code: 'MEDIA_UNAVAILABLE' })
  }
  for (const [name, body, options, code, reason] of refusals) {
    it(`${name}, and nothing is left`, async () => {
      const made = await fixture({ limits: { maxBodyBytes: 5_000_000 } })
      await expect(made.store.put(body(), options)).rejects.toMatchObject({
        code,
        ...(reason === undefined ? {} : { reason }),
      })
      await expectNothing(made)
      expect(made.events.map(({ type }) => type)).toEqual(['upload.refused'])
    })
  }

  it('a body that is aborted at any of 60 offsets, with the reason untouched, and nothing is left', async () => {
    const made = await fixture()
    for (let step = 0; step < 60; step++) {
      const controller = new AbortController()
      const reason = new Error(`stop ${step}`)
      const abortAt = Math.floor((large.length * step) / 60)
      const pieces = (function* () {
        for (let at = 0; at < large.length; at += 10_000) yield large.subarray(at, at + 10_000)
      })()
      const put = made.store.put(Readable.from(pieces), {
        signal: controller.signal,
        onProgress: (received) => {
          if (received >= abortAt) controller.abort(reason)
        },
      })
      await expect(put).rejects.toBe(reason)
    }
    await expectNothing(made)
  })

  it('more uploads than the limit before it reads their bodies', async () => {
    const { store } = await fixture({ limits: { maxUploadsInFlight: 1 } })
    let open = (): void => {}
    const first = store.put(
      (async function* () {
        await new Promise<void>((resolve) => {
          open = resolve
        })
        yield small
      })(),
    )
    let read = false
    const second = store.put(
      (async function* () {
        read = true
        yield small
      })(),
    )
    await expect(second).rejects.toMatchObject({ code: 'MEDIA_BUSY', reason: 'too-many-uploads' })
    await expect(store.admit({})).rejects.toMatchObject({ code: 'MEDIA_BUSY' })
    expect(read).toBe(false)
    open()
    await first
    await store.put(small)
  })

  it('what does not fit the capacity, and takes it again when room returns', async () => {
    const made = await fixture()
    await made.store.close()
    const objects = memoryStore()
    const { store } = await fixture({ tiers: [{ name: 'm', store: objects, capacityBytes: 4_000_000 }] })
    const first = await store.put(Readable.from([large]), { sizeBytes: large.length })
    await expect(
      store.put(Readable.from([randomBytes(2_000_000)]), { sizeBytes: 2_000_000 }),
    ).rejects.toMatchObject({ code: 'MEDIA_NO_SPACE' })
    expect((await bytesOf(store, first.id)).equals(large)).toBe(true)
    await store.delete(first.id)
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 }));
    await store.put(Readable.from([randomBytes(2_000_000)]), { sizeBytes: 2_000_000 })
  })
})

describe('replacing', () => {
  it('keeps the id, counts revision and content, and lets a reader under way finish the old bytes', async () => {
    const { store } = await fixture({ reads: { cacheBytes: 0 } })
    const first = await store.put(large, { at: { key: 'a/b' }, tags: ['x'] })
    const reader = await store.open(first)
    const next = await store.put(small, { at: { key: 'a/b' } })
    expect(next).toMatchObject({ id: first.id, contentNumber: 2, sizeBytes: small.length, tags: ['x'] })
    expect(next.revision).toBeGreaterThan(first.revision)
    expect(Buffer.from(await reader.bytes({ maxBytes: 1e9 })).equals(large)).toBe(true)
    expect((await bytesOf(store, { key: 'a/b' })).equals(small)).toBe(true)
    expect((await bytesOf(store, first)).equals(large)).toBe(true)
    for await (const _ of store.upkeep.collectGarbage({ graceMs: 0 }));
    await expect(store.open(first)).rejects.toMatchObject({ code: 'MEDIA_GONE' })
  })

  it('honours conditions before the body and again at commit', async () => {
    const { store } = await fixture()
    const first = await store.put(small, { at: { key: 'k' }, when: { type: 'absent' } })
    await expect(store.put(large, { at: { key: 'k' }, when: { type: 'absent' } })).rejects.toMatchObject({
      code: 'MEDIA_PRECONDITION',
    })
    await expect(
      store.put(large, { at: first.id, when: { type: 'match', etags: ['other'] } }),
    ).rejects.toMatchObject({ code: 'MEDIA_PRECONDITION' })
    await using reader = await store.open(first)
    const late = store.put(
      (async function* () {
        yield large
        await store.put(Buffer.from('between'), { at: { key: 'k' } })
      })(),
      { at: { key: 'k' }, when: { type: 'match', etags: [reader.etag] } },
    )
    await expect(late).rejects.toMatchObject({ code: 'MEDIA_PRECONDITION' })
    expect((await bytesOf(store, first.id)).toString()).toBe('between')
  })

  it('has one winner when 16 create the same key at once', async () => {
    const { store, objects } = await fixture()
    const results = await Promise.allSettled(
      Array.from({ length: 16 }, (_, index) =>
        store.put(Buffer.from(`body ${index}`), { at: { key: 'k' }, when: { type: 'absent' } }),
      ),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'MEDIA_PRECONDITION' })
    expect(await keys(objects)).toHaveLength(1)
  })
})

describe('idempotency keys', () => {
  it('answer a retry with the first outcome, unread', async () => {
    const { store } = await fixture()
    const first = await store.put(small, { idempotencyKey: 'a', owner: 'o' })
    let read = false
    const again = await store.put(
      (async function* () {
        read = true
        yield large
      })(),
      { idempotencyKey: 'a', owner: 'o' },
    )
    expect(again.id).toBe(first.id)
    expect(read).toBe(false)
    expect((await store.put(small, { idempotencyKey: 'a', owner: 'p' })).id).not.toBe(first.id)
  })

  it('may be used again after a failure', async () => {
    const { store } = await fixture()
    await expect(store.put(small, { idempotencyKey: 'a', digest: digestOf(large) })).rejects.toThrow()
    expect(await store.put(small, { idempotencyKey: 'a' })).toMatchObject({ sizeBytes: small.length })
  })
})

describe('readers', () => {
  it('leave nothing open when they are disposed unread, destroyed half-way, or aborted by close', async () => {
    const { store } = await fixture()
    const media = await store.put(large)
    {
      await using _ = await store.open(media)
    }
    const half = (await store.open(media)).stream()
    half.once('data', () => half.destroy())
    await new Promise((resolve) => half.once('close', resolve))
    const unread = await store.open(media)
    await store.close({ graceMs: 0 })
    expect(() => unread.stream()).toThrow(expect.objectContaining({ code: 'MEDIA_BAD_INPUT' }))
    await expect(store.open(media)).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
  })

  it('give their bytes once, and refuse more than maxBytes', async () => {
    const { store } = await fixture()
    const media = await store.put(large)
    const reader = await store.open(media)
    await reader.bytes({ maxBytes: 1e9 })
    expect(() => reader.stream()).toThrow(expect.objectContaining({ reason: 'reader-used' }))
    await expect((await store.open(media)).bytes({ maxBytes: 10 })).rejects.toMatchObject({
      code: 'MEDIA_TOO_LARGE',
    })
    await expect(
      store.open(media, { range: { start: large.length, endExclusive: large.length + 1 } }),
    ).rejects.toMatchObject({ code: 'MEDIA_RANGE' })
  })
})

describe('signed addresses', () => {
  it('hold for what was signed and nothing else', async () => {
    const { store } = await fixture()
    const media = await store.put(small)
    const url = await store.url(media.id, { expiresAt: new Date(Date.now() + 60_000), download: true })
    expect(url.href).toContain(`https://media.example/media/${media.id}/content?`)
    expect(store.verifyUrl(media.id, url.searchParams)).toMatchObject({ download: true })
    for (const [name, value] of [
      ['download', '0'],
      ['exp', '1'],
      ['exp', String(Number(url.searchParams.get('exp')) + 1)],
      ['kid', 'x'],
      ['sig', 'a'.repeat(43)],
    ] as const) {
      const changed = new URLSearchParams(url.searchParams)
      changed.set(name, value)
      expect(() => store.verifyUrl(media.id, changed)).toThrow(
        expect.objectContaining({ code: 'MEDIA_DENIED' }),
      )
    }
    const without = new URLSearchParams(url.searchParams)
    without.delete('download')
    expect(() => store.verifyUrl(media.id, without)).toThrow()
    const doubled = new URLSearchParams(url.searchParams)
    doubled.append('sig', 'x')
    expect(() => store.verifyUrl(media.id, doubled)).toThrow()
    expect(() => store.in('other').verifyUrl(media.id, url.searchParams)).toThrow(
      expect.objectContaining({ reason: 'signature' }),
    )
    const expired = await store.url(media.id, { expiresAt: new Date(Date.now() - 1000) })
    expect(() => store.verifyUrl(media.id, expired.searchParams)).toThrow(
      expect.objectContaining({ reason: 'expired' }),
    )
  })
})

describe('the composition', () => {
  it('lists every fault at once', async () => {
    const make = createMediaStore({
      tiers: [
        { name: 'a', store: memoryStore(), role: 'cache', capacityBytes: -1 },
        { name: 'a', store: memoryStore(), role: 'cache', lowWatermarkRatio: 2 },
      ],
      catalog: memoryCatalog(),
      publicBaseUrl: 'nonsense',
      limits: { maxBodyBytes: 0 },
    })
    await expect(make).rejects.toMatchObject({ code: 'MEDIA_BAD_INPUT', reason: 'bad-composition' })
    for (const part of [
      'no home tier',
      '"a" is there twice',
      'capacityBytes',
      'lowWatermarkRatio',
      'publicBaseUrl',
      'limits.maxBodyBytes',
    ])
      await expect(make).rejects.toThrow(part)
  })

  it('keeps namespaces apart: keys, lists and ids', async () => {
    const { store, objects } = await fixture()
    const other = store.in('other')
    const [a, b] = [
      await store.put(small, { at: { key: 'k' } }),
      await other.put(small, { at: { key: 'k' } }),
    ]
    expect(a.id).not.toBe(b.id)
    expect(await other.stat(a.id)).toBeUndefined()
    expect((await store.list()).items).toHaveLength(1)
    expect(await keys(objects)).toHaveLength(1)
    expect(() => store.in('a/b')).toThrow(expect.objectContaining({ reason: 'bad-namespace' }))
  })

  it('keeps blobs apart per namespace when asked to', async () => {
    const { store, objects } = await fixture({ dedupe: 'namespace' })
    await store.put(small)
    await store.in('other').put(small)
    expect(await keys(objects)).toHaveLength(2)
  })

  it('tells events to all who listen, and ends them at close', async () => {
    const { store } = await fixture()
    const seen: string[] = []
    const listening = (async () => {
      for await (const event of store.events()) seen.push(event.type)
    })()
    const media = await store.put(small)
    await store.update(media.id, { tags: ['t'] })
    await store.delete(media.id)
    await store.close()
    await listening
    expect(seen).toEqual(['media.created', 'upload.accepted', 'media.updated', 'media.deleted'])
  })
})
