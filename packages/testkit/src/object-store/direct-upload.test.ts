import { randomBytes } from 'node:crypto'
import {
  createMediaStore,
  digestOf,
  type MediaStore,
  type MediaStoreOptions,
  memoryCatalog,
  memoryStore,
  type ObjectStore,
  type SignedPart,
} from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { fakeClock } from '../clock.ts'
import { createPartsBackend, type PartsBackend, partsMemoryStore } from './parts-memory-store.ts'

const KiB = 1024
let backend: PartsBackend
let bucket: ObjectStore
let store: MediaStore
const clock = fakeClock(Date.now())

async function open(
  wrap: (bucket: ObjectStore) => ObjectStore = (same) => same,
  options: Partial<MediaStoreOptions> = {},
): Promise<void> {
  await store?.close()
  backend = createPartsBackend()
  bucket = partsMemoryStore(memoryStore({ clock }), backend)
  store = await createMediaStore({
    tiers: [{ name: 'bucket', store: wrap(bucket) }],
    catalog: memoryCatalog({ clock }),
    clock,
    policies: [{ match: '*', allowUnrecognised: true, maxBytes: 1024 * KiB }],
    upkeep: { intervalMs: 0 },
    ...options,
  })
}
beforeEach(() => open())
afterEach(() => store.close())

const about = { door: 'direct', owner: 'ann', filename: 'a.bin' } as const
const send = (
  part: SignedPart | undefined,
  bytes: Uint8Array,
): Promise<{ status: number; etag?: string }> => {
  if (part === undefined) throw new Error('there is no address')
  return backend.send(part, bytes)
}
async function keys(): Promise<readonly string[]> {
  return (await bucket.list()).objects.map(({ key }) => key)
}
async function read(id: string): Promise<Buffer> {
  await using reader = await store.open(id)
  return Buffer.from(await reader.bytes({ maxBytes: 1024 * KiB }))
}
/** Begun with a length, and all of its parts sent. */
async function sent(bytes: Buffer, more: object = {}): Promise<{ id: string; mediaId: string }> {
  const upload = await store.uploads.create({ ...about, parts: 'any', sizeBytes: bytes.length, ...more })
  const [first, second] = await store.uploads.signParts(upload.id, [1, 2])
  await send(second, bytes.subarray(300 * KiB))
  await send(first, bytes.subarray(0, 300 * KiB))
  return upload
}
const body = (): Buffer => randomBytes(500 * KiB)

describe('an upload that goes to a bucket in parts', () => {
  test('is completed by the store, taken as it lies, and no address of it writes anything after that', async () => {
    const bytes = body()
    const upload = await store.uploads.create({
      ...about,
      parts: 'exact',
      partBytes: 200 * KiB,
      sizeBytes: bytes.length,
      digest: digestOf(bytes),
    })
    expect(upload).toMatchObject({ parts: { partBytes: 200 * KiB } })
    const parts = await store.uploads.signParts(upload.id, [3, 1, 2])
    expect(parts.map(({ number }) => number)).toEqual([3, 1, 2])
    for (const part of parts) {
      const piece = bytes.subarray((part.number - 1) * 200 * KiB, part.number * 200 * KiB)
      expect((await send(part, piece.subarray(1))).status, 'a part of another length').toBe(403)
      await expect(store.uploads.complete(upload.id)).rejects.toMatchObject({ reason: 'upload-incomplete' })
      expect((await send(part, piece)).status).toBe(200)
    }
    expect(await keys()).toEqual([])
    await expect(store.uploads.signParts(upload.id, [4])).rejects.toMatchObject({ reason: 'bad-part' })
    await expect(store.uploads.address(upload.id)).rejects.toMatchObject({ reason: 'other-door' })
    const told = await store.uploads.listParts(upload.id)
    expect(told.map(({ sizeBytes }) => sizeBytes)).toEqual([200 * KiB, 200 * KiB, 100 * KiB])
    const media = await store.uploads.complete(upload.id, { parts: told })
    expect(media).toMatchObject({ id: upload.mediaId, digest: digestOf(bytes), sizeBytes: bytes.length })
    expect(await store.uploads.complete(upload.id)).toMatchObject({ id: media.id })
    expect(await keys()).toHaveLength(1)
    expect(backend.uploads.size).toBe(0)
    for (const part of parts) expect((await send(part, bytes.subarray(0, 200 * KiB))).status).not.toBe(200)
    expect(bytes.equals(await read(media.id))).toBe(true)
    await expect(store.uploads.signParts(upload.id, [1])).rejects.toMatchObject({ reason: 'upload-ended' })
  })

  test('needs no length beforehand; limits and quota hold for what the bucket tells', async () => {
    await open(undefined, { limits: { ownerBytes: 700 * KiB } })
    const bytes = body()
    const first = await sent(bytes, { sizeBytes: undefined })
    await expect(
      store.uploads.complete(first.id, { parts: [{ number: 1, etag: 'another' }] }),
    ).rejects.toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'part-changed' })
    await expect(
      store.uploads.complete(first.id, {
        parts: [1, 2, 3].map((number) => ({ number, etag: 'x' })),
      }),
    ).rejects.toMatchObject({ code: 'MEDIA_CONFLICT' })
    expect(await store.uploads.complete(first.id)).toMatchObject({ sizeBytes: bytes.length })
    const second = await sent(body(), { sizeBytes: undefined })
    await expect(store.uploads.complete(second.id)).rejects.toMatchObject({ code: 'MEDIA_QUOTA' })
    await open()
    const large = await sent(randomBytes(1025 * KiB), { sizeBytes: undefined })
    await expect(store.uploads.complete(large.id)).rejects.toMatchObject({ code: 'MEDIA_TOO_LARGE' })
    expect(await store.uploads.get(large.id)).toMatchObject({ state: 'rejected' })
    expect([backend.uploads.size, await keys()]).toEqual([0, []])
  })

  test('signs parts of unknown lengths so far ahead of what the bucket has, and no further', async () => {
    await open(undefined, { limits: { ownerBytes: 100 } })
    const { id } = await store.uploads.create({ ...about, parts: 'any' })
    const [first] = await store.uploads.signParts(id, [1])
    await store.uploads.signParts(id, [64])
    await expect(store.uploads.signParts(id, [65])).rejects.toMatchObject({ reason: 'bad-part' })
    await send(first, randomBytes(90))
    await store.uploads.signParts(id, [65])
    await expect(store.uploads.create({ ...about, sizeBytes: 20, parts: 'any' })).rejects.toMatchObject({
      code: 'MEDIA_QUOTA',
    })
  })

  test('that is refused, given up or over leaves neither parts nor an object', async () => {
    const bytes = body()
    const wrong = await sent(bytes, { digest: digestOf(body()) })
    await expect(store.uploads.complete(wrong.id)).rejects.toMatchObject({ code: 'MEDIA_DIGEST_MISMATCH' })
    const large = await sent(bytes, { sizeBytes: bytes.length - 1 })
    await expect(store.uploads.complete(large.id)).rejects.toMatchObject({ code: 'MEDIA_TOO_LARGE' })
    const short = await sent(bytes, { sizeBytes: bytes.length + 1 })
    await expect(store.uploads.complete(short.id)).rejects.toMatchObject({ reason: 'upload-incomplete' })
    await store.uploads.abort(short.id)
    const left = await sent(bytes)
    expect(backend.uploads.size).toBe(1)
    clock.advance(25 * 60 * 60_000)
    await expect(store.uploads.complete(left.id)).rejects.toMatchObject({ code: 'MEDIA_GONE' })
    for await (const _ of store.upkeep.expire()) continue
    expect([backend.uploads.size, await keys()]).toEqual([0, []])
  })

  test('whose bytes are there already is that content, and its object goes', async () => {
    const bytes = body()
    await store.put(bytes)
    const before = await keys()
    const same = await sent(bytes)
    await store.uploads.complete(same.id)
    expect(await keys()).toEqual(before)
    expect(bytes.equals(await read(same.mediaId))).toBe(true)
  })

  test('is made although the answer to its completion was lost, and is not swept meanwhile', async () => {
    let isLost = true
    await open((inner) => ({
      ...inner,
      directParts: {
        ...parts(inner),
        async complete(upload, chosen, call) {
          const head = await parts(inner).complete(upload, chosen, call)
          if (isLost) throw new Error('the line broke')
          return head
        },
      },
    }))
    const bytes = body()
    const { id, mediaId } = await sent(bytes)
    await expect(store.uploads.complete(id)).rejects.toThrow('the line broke')
    isLost = false
    clock.advance(3 * 60 * 60_000)
    for await (const _ of store.upkeep.collectGarbage({ thorough: true, graceMs: 0 })) continue
    for await (const _ of store.upkeep.collectGarbage({ thorough: true, graceMs: 0 })) continue
    expect(await store.uploads.complete(id)).toMatchObject({ id: mediaId })
    expect(bytes.equals(await read(mediaId))).toBe(true)
  })

  test('that the bucket never began, or whose beginning nobody heard of, leaves nothing', async () => {
    for (const isHeard of [false, true]) {
      await open(
        (inner) => ({
          ...inner,
          directParts: {
            ...parts(inner),
            async begin(key, call) {
              if (isHeard) await parts(inner).begin(key, call)
              throw new Error('the line broke')
            },
          },
        }),
        { limits: { maxOpenUploads: 1 } },
      )
      for (let tries = 0; tries < 2; tries++)
        await expect(store.uploads.create({ ...about, parts: 'any' })).rejects.toThrow('the line broke')
      expect([backend.uploads.size, await store.uploads.list()]).toEqual([0, []])
    }
  })

  test('that the bucket dropped is over, and says so', async () => {
    const { id } = await sent(body())
    backend.uploads.clear()
    await expect(store.uploads.complete(id)).rejects.toMatchObject({ reason: 'upload-lost' })
    expect(await store.uploads.get(id)).toMatchObject({ state: 'rejected' })
  })

  test('is in the ledger of a paid bucket: what senders ask too', async () => {
    await open((inner) => ({ ...inner, traits: { ...inner.traits, paid: true } }))
    const { id } = await sent(body())
    await store.uploads.complete(id)
    const { rows } = await store.tiers.costs()
    const calls = (of: string, cause: string): number | undefined =>
      rows.find((row) => row.class === of && row.cause === cause)?.calls
    expect([calls('part', 'estimated'), calls('multipart', 'write')]).toEqual([2, 2])
  })

  test('lives on while parts come', async () => {
    const { id } = await store.uploads.create({ ...about, parts: 'any', sizeBytes: 3000 })
    for (let number = 1; number <= 3; number++) {
      const [part] = await store.uploads.signParts(id, [number])
      await send(part, randomBytes(1000))
      clock.advance(13 * 60 * 60_000)
    }
    expect((await store.uploads.complete(id)).sizeBytes).toBe(3000)
  })
})

function parts({ directParts }: ObjectStore): NonNullable<ObjectStore['directParts']> {
  if (directParts === undefined) throw new Error('the store has no directParts')
  return directParts
}
