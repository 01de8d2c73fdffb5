import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { KiB, MiB } from '../bytes/sizes.ts'
import { bytesSource } from '../bytes/source.ts'
import type { JsonObject } from '../contracts/bytes.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type {
  ObjectStore,
  Partials,
  PresignOptions,
  SignedRequest,
  Staging,
} from '../contracts/object-store.ts'
import type { CreateUpload } from '../contracts/uploads.ts'
import { createMediaStore, type MediaStoreOptions } from '../media-store/index.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, memoryStore } from '../memory/object-store/index.ts'
import { systemClock } from '../time/clock.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const policies = [{ match: '*', allowUnrecognised: true }]
const body = (bytes: number): Buffer => randomBytes(bytes)
const tus = (sizeBytes: number, more: Partial<CreateUpload> = {}): CreateUpload => ({
  door: 'tus',
  owner: 'ann',
  filename: 'a.bin',
  sizeBytes,
  ...more,
})

let store: MediaStore
const open = async (options: Partial<MediaStoreOptions> = {}): Promise<MediaStore> =>
  createMediaStore({
    tiers: [{ name: 'home', store: memoryStore({ volume }) }],
    catalog,
    policies,
    upkeep: { intervalMs: 0 },
    ...options,
  })
/** Another store, of other options, with nothing in it. */
async function openAnew(options: Partial<MediaStoreOptions>): Promise<void> {
  await store.close()
  volume = createMemoryVolume({ maxBytes: 512 * MiB, clock: systemClock })
  catalog = memoryCatalog()
  store = await open(options)
}
let volume: ReturnType<typeof createMemoryVolume>
let catalog: ReturnType<typeof memoryCatalog>
beforeEach(async () => {
  volume = createMemoryVolume({ maxBytes: 512 * MiB, clock: systemClock })
  catalog = memoryCatalog()
  store = await open()
})
afterEach(() => store.close())

/** Compared as a whole: told byte by byte, a difference of megabytes takes minutes. */
async function expectBytes(id: string, bytes: Buffer): Promise<void> {
  await using reader = await store.open(id)
  expect(bytes.equals(await reader.bytes({ maxBytes: 64 * MiB }))).toBe(true)
}
async function breaking(bytes: Buffer): Promise<Readable> {
  return Readable.from(
    (async function* () {
      yield bytes
      throw new Error('the line broke')
    })(),
    { objectMode: false },
  )
}

/** As a process leaves an upload that is killed while it writes: marked, and still leased for a moment. */
async function dieWriting(id: string): Promise<void> {
  const { mediaId } = (await store.uploads.get(id)) ?? { mediaId: '' }
  const { fence, declared } = await catalog.claimSession(mediaId, { leaseMs: 30, force: true })
  const upload = { ...(declared['upload'] as JsonObject), isWriting: true }
  await catalog.extendSession({ id: mediaId, fence }, { leaseMs: 30, declared: { ...declared, upload } })
}

describe('an upload in pieces', () => {
  test('goes on in another part after a writer that died, and is whole in the end', async () => {
    const bytes = body(900)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    await store.uploads.append(id, bytes.subarray(0, 300), { offsetBytes: 0 })
    await dieWriting(id)
    await store.uploads.append(id, bytes.subarray(300, 500), { offsetBytes: 300 })
    await dieWriting(id)
    await dieWriting(id)
    await store.uploads.append(id, bytes.subarray(500), { offsetBytes: 500, complete: true })
    await expectBytes(mediaId, bytes)
    expect(volume.parts.size).toBe(0)
  })

  test('becomes the media whose id was told when it was created', async () => {
    const bytes = body(3 * MiB)
    const { id, mediaId, state, offsetBytes } = await store.uploads.create(tus(bytes.length))
    expect({ state, offsetBytes }).toEqual({ state: 'created', offsetBytes: 0 })
    const first = await store.uploads.append(id, bytes.subarray(0, MiB), { offsetBytes: 0 })
    expect(first).toMatchObject({ state: 'receiving', offsetBytes: MiB })
    const second = await store.uploads.append(id, Readable.from([bytes.subarray(MiB)]), {
      offsetBytes: MiB,
    })
    expect(second).toMatchObject({ state: 'received', offsetBytes: bytes.length })
    const media = await store.uploads.complete(id)
    expect(media).toMatchObject({ id: mediaId, digest: digestOf(bytes), state: 'active', owner: 'ann' })
    await expectBytes(mediaId, bytes)
    expect(await store.uploads.get(id)).toMatchObject({ state: 'active', mediaId })
    expect(await store.uploads.complete(id)).toEqual(media)
  })

  test('is completed by its last piece when it is asked to be', async () => {
    const bytes = body(MiB)
    const { id } = await store.uploads.create(tus(bytes.length))
    const { media, state } = await store.uploads.append(id, bytes, { offsetBytes: 0, complete: true })
    expect(state).toBe('active')
    expect(media?.digest).toBe(digestOf(bytes))
  })

  test('asks before it is completed by its last piece; a refusal leaves all bytes', async () => {
    const bytes = body(MiB)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    const complete = async (): Promise<void> => {
      expect((await store.uploads.get(id))?.state).toBe('receiving')
      throw new Error('not any more')
    }
    await expect(store.uploads.append(id, bytes, { offsetBytes: 0, complete })).rejects.toThrow(
      'not any more',
    )
    expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: bytes.length })
    await store.uploads.complete(id)
    await expectBytes(mediaId, bytes)
  })

  test('of chunks that came in order and were written again has the digest of what there is', async () => {
    const bytes = body(3 * MiB)
    const { id, mediaId } = await store.uploads.create({
      ...tus(bytes.length),
      door: 'chunked',
      chunkBytes: MiB,
    })
    const put = (index: number, chunk: Buffer) => store.uploads.putChunk(id, chunk, { index })
    await put(0, bytes.subarray(0, MiB))
    await put(1, body(MiB))
    await Promise.all([put(2, bytes.subarray(2 * MiB)), put(1, bytes.subarray(MiB, 2 * MiB))])
    const media = await store.uploads.complete(id)
    expect(media.digest).toBe(digestOf(bytes))
    await expectBytes(mediaId, bytes)
  })

  test('is told of while a long piece comes: who dies in the middle of it loses a bounded part', async () => {
    const piece = body(MiB)
    const { id } = await store.uploads.create(tus(80 * MiB))
    let told = 0
    const pieces = Readable.from(
      (async function* () {
        for (let sent = 0; sent < 80; sent++) {
          if (sent === 70) told = (await store.uploads.get(id))?.offsetBytes ?? 0
          yield piece
        }
      })(),
    )
    await store.uploads.append(id, pieces, { offsetBytes: 0 })
    expect(told).toBe(64 * MiB)
  })

  test('keeps what came before its line broke, and goes on there', async () => {
    const bytes = body(600 * KiB)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    const broken = await breaking(bytes.subarray(0, 250 * KiB))
    await expect(store.uploads.append(id, broken, { offsetBytes: 0 })).rejects.toThrow('the line broke')
    const after = await store.uploads.get(id)
    expect(after).toMatchObject({ state: 'receiving', offsetBytes: 250 * KiB })
    await store.uploads.append(id, bytes.subarray(250 * KiB), { offsetBytes: 250 * KiB, complete: true })
    await expectBytes(mediaId, bytes)
  })

  test('is continued by another store over the same catalog and volume', async () => {
    const bytes = body(600 * KiB)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    await store.uploads.append(id, bytes.subarray(0, 100), { offsetBytes: 0 })
    await store.uploads.append(id, bytes.subarray(100), { offsetBytes: 100 })
    const other = await open()
    const media = await other.uploads.complete(id)
    expect(media).toMatchObject({ id: mediaId, digest: digestOf(bytes) })
    await expectBytes(mediaId, bytes)
  })

  test('refuses a piece at another offset, and does not read it', async () => {
    const { id } = await store.uploads.create(tus(100))
    await store.uploads.append(id, body(10), { offsetBytes: 0 })
    let wasRead = false
    const unread = Readable.from(
      (async function* () {
        wasRead = true
        yield body(1)
      })(),
    )
    for (const offsetBytes of [0, 9, 11])
      await expect(store.uploads.append(id, unread, { offsetBytes })).rejects.toMatchObject({
        code: 'MEDIA_CONFLICT',
        reason: 'offset-mismatch',
      })
    expect(wasRead).toBe(false)
    expect(unread.destroyed).toBe(true)
  })

  test('takes no byte more than was told', async () => {
    const { id } = await store.uploads.create(tus(100))
    const refusal = { code: 'MEDIA_TOO_LARGE', reason: 'entity-too-large' }
    await expect(
      store.uploads.append(id, body(101), { offsetBytes: 0, pieceBytes: 101 }),
    ).rejects.toMatchObject(refusal)
    expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: 0 })
    await expect(store.uploads.append(id, body(101), { offsetBytes: 0 })).rejects.toMatchObject(refusal)
    expect((await store.uploads.get(id))?.offsetBytes).toBeLessThanOrEqual(100)
  })

  test('keeps nothing of a piece with another checksum than was told', async () => {
    const bytes = body(300 * KiB)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    const first = bytes.subarray(0, 100 * KiB)
    const sumOf = (piece: Buffer): string => createHash('sha1').update(piece).digest('base64')
    const wrong = { algorithm: 'sha1', base64: sumOf(bytes) } as const
    await expect(store.uploads.append(id, first, { offsetBytes: 0, checksum: wrong })).rejects.toMatchObject({
      code: 'MEDIA_DIGEST_MISMATCH',
      reason: 'checksum-mismatch',
    })
    expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: 0 })
    const right = { algorithm: 'sha1', base64: sumOf(first) } as const
    await store.uploads.append(id, first, { offsetBytes: 0, checksum: right })
    await expect(
      store.uploads.append(id, bytes.subarray(100 * KiB), {
        offsetBytes: 100 * KiB,
        checksum: () => wrong,
      }),
    ).rejects.toMatchObject({ reason: 'checksum-mismatch' })
    await store.uploads.append(id, bytes.subarray(100 * KiB), {
      offsetBytes: 100 * KiB,
      complete: true,
    })
    await expectBytes(mediaId, bytes)
  })

  test('lets exactly one of two pieces for the same place in', async () => {
    const { id } = await store.uploads.create(tus(2 * MiB))
    const pieces = [body(MiB), body(MiB)]
    const ended = await Promise.allSettled(
      pieces.map((piece) => store.uploads.append(id, Readable.from([piece]), { offsetBytes: 0 })),
    )
    expect(ended.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(ended.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'MEDIA_CONFLICT', reason: 'offset-mismatch' },
    })
    expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: MiB })
  })

  test('is refused by its first bytes, ended, and holds nothing any more', async () => {
    await openAnew({ policies: [{ match: 'image/*' }] })
    const { id } = await store.uploads.create(tus(100_000, { filename: 'a.png', contentType: 'image/png' }))
    await expect(store.uploads.append(id, body(10_000), { offsetBytes: 0 })).rejects.toMatchObject({
      code: 'MEDIA_TYPE_REFUSED',
    })
    expect(await store.uploads.get(id)).toMatchObject({
      state: 'rejected',
      error: { code: 'MEDIA_TYPE_REFUSED' },
    })
    expect(await store.uploads.list()).toEqual([])
    expect(volume.parts.size).toBe(0)
    await expect(store.uploads.append(id, body(10), { offsetBytes: 0 })).rejects.toMatchObject({
      code: 'MEDIA_CONFLICT',
      reason: 'upload-ended',
    })
  })

  test('is unknown by an id that is not whole, or in another namespace', async () => {
    const { id } = await store.uploads.create(tus(10))
    const last = id.endsWith('A') ? 'B' : 'A'
    for (const wrong of [
      '',
      'x',
      id.slice(1),
      `${id.slice(0, -1)}${last}`,
      `${id.slice(0, 32)}${'A'.repeat(22)}`,
    ]) {
      expect(await store.uploads.get(wrong)).toBeUndefined()
      await expect(store.uploads.append(wrong, body(1), { offsetBytes: 0 })).rejects.toMatchObject({
        code: 'MEDIA_ABSENT',
      })
    }
    expect(await store.in('other').uploads.get(id)).toBeUndefined()
  })

  test('leaves nothing when it is given up', async () => {
    const { id } = await store.uploads.create(tus(1000))
    await store.uploads.append(id, body(500), { offsetBytes: 0 })
    expect(volume.parts.size).toBe(1)
    expect(await store.uploads.abort(id)).toBe(true)
    expect(await store.uploads.abort(id)).toBe(false)
    expect(volume.parts.size).toBe(0)
    expect(await store.uploads.get(id)).toMatchObject({ state: 'aborted' })
  })

  test('is swept with its bytes when its time is over', async () => {
    const { id } = await store.uploads.create(tus(1000, { ttlMs: 1 }))
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await store.uploads.get(id)).toMatchObject({ state: 'expired' })
    await expect(store.uploads.append(id, body(1), { offsetBytes: 0 })).rejects.toMatchObject({
      code: 'MEDIA_GONE',
    })
    for await (const _ of store.upkeep.expire()) continue
    expect(await store.uploads.get(id)).toBeUndefined()
  })

  test('is never named after bytes that another process has written over', async () => {
    const [ours, theirs] = [body(600), body(600)]
    const { id, mediaId } = await store.uploads.create(tus(600))
    let goOn = (): void => {}
    const slow = Readable.from(
      (async function* () {
        yield ours.subarray(0, 300)
        await new Promise<void>((resolve) => {
          goOn = resolve
        })
        yield ours.subarray(300)
      })(),
      { objectMode: false },
    )
    const stalled = store.uploads.append(id, slow, { offsetBytes: 0 })
    await new Promise((resolve) => setTimeout(resolve, 20))
    // Its lease has run out: another store has it now.
    const other = await open()
    const { fence, declared } = await catalog.claimSession(mediaId, { leaseMs: 1, force: true })
    await catalog.extendSession({ id: mediaId, fence }, { leaseMs: 0, declared })
    await other.uploads.append(id, theirs, { offsetBytes: 0 })
    goOn()
    await expect(stalled).rejects.toMatchObject({ code: 'MEDIA_LEASE_LOST' })
    expect((await store.uploads.complete(id)).digest).toBe(digestOf(theirs))
    await expectBytes(mediaId, theirs)
  })

  test('learns its length later, once', async () => {
    const bytes = body(500)
    const { sizeBytes: _, ...open } = tus(0)
    const { id, mediaId } = await store.uploads.create(open)
    await store.uploads.append(id, bytes.subarray(0, 200), { offsetBytes: 0 })
    await expect(store.uploads.complete(id)).rejects.toMatchObject({ reason: 'upload-incomplete' })
    await store.uploads.append(id, bytes.subarray(200, 300), { offsetBytes: 200, sizeBytes: 500 })
    await expect(
      store.uploads.append(id, bytes.subarray(300), { offsetBytes: 300, sizeBytes: 400 }),
    ).rejects.toMatchObject({ code: 'MEDIA_CONFLICT', reason: 'size-known' })
    await store.uploads.append(id, bytes.subarray(300), { offsetBytes: 300, complete: true })
    await expectBytes(mediaId, bytes)
  })
})

describe('what is told of an upload', () => {
  test('is synced before the row tells it, pieces and chunks alike', async () => {
    const inner = memoryStore({ maxBytes: 64 * MiB })
    let [written, synced] = [0, 0]
    const given = inner.staging?.partials
    if (given === undefined) throw new Error('the store in memory keeps parts')
    const partials: Partials = {
      ...given,
      async open(part) {
        const writer = await given.open(part)
        return {
          async write(chunk, position) {
            await writer.write(chunk, position)
            written += chunk.byteLength
          },
          async sync() {
            await writer.sync()
            synced = written
          },
          close: () => writer.close(),
        }
      },
    }
    const staging = Object.create(inner.staging ?? null, { partials: { value: partials } }) as Staging
    await openAnew({
      tiers: [{ name: 'home', store: Object.create(inner, { staging: { value: staging } }) as ObjectStore }],
    })
    const told = async (id: string): Promise<number> => (await store.uploads.get(id))?.offsetBytes ?? 0
    const { id } = await store.uploads.create(tus(600))
    await store.uploads.append(id, body(200), { offsetBytes: 0 })
    expect([await told(id), synced]).toEqual([200, 200])
    await expect(store.uploads.append(id, await breaking(body(100)), { offsetBytes: 200 })).rejects.toThrow()
    expect([await told(id), synced]).toEqual([300, 300])
    const { id: chunks } = await store.uploads.create({
      ...tus(256 * KiB),
      door: 'chunked',
      chunkBytes: 256 * KiB,
    })
    await store.uploads.putChunk(chunks, body(256 * KiB), { index: 0 })
    expect([await told(chunks), synced]).toEqual([256 * KiB, 300 + 256 * KiB])
  })
})

describe('an upload of one body', () => {
  test('becomes its media, once', async () => {
    const { id, mediaId } = await store.uploads.create({
      door: 'presigned',
      filename: 'a.png',
      sizeBytes: PNG.length,
      contentType: 'image/png',
    })
    const ended = await Promise.allSettled([store.uploads.receive(id, PNG), store.uploads.receive(id, PNG)])
    expect(ended.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(ended.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'MEDIA_CONFLICT', reason: 'upload-ended' },
    })
    await expectBytes(mediaId, PNG)
  })

  test('may be sent again when it broke off, and not when it was refused', async () => {
    const { id } = await store.uploads.create({
      door: 'presigned',
      sizeBytes: 5000,
      digest: digestOf(body(5)),
    })
    await expect(store.uploads.receive(id, await breaking(body(2000)))).rejects.toThrow('the line broke')
    await expect(store.uploads.receive(id, body(2000))).rejects.toMatchObject({ reason: 'incomplete-body' })
    expect(await store.uploads.get(id)).toMatchObject({ state: 'created', offsetBytes: 0 })
    await expect(store.uploads.receive(id, body(5000))).rejects.toMatchObject({
      code: 'MEDIA_DIGEST_MISMATCH',
    })
    expect(await store.uploads.get(id)).toMatchObject({ state: 'rejected' })
  })

  test('is cut at the first byte too many', async () => {
    const { id } = await store.uploads.create({ door: 'presigned', sizeBytes: 5000 })
    await expect(store.uploads.receive(id, body(5001), { bodyBytes: 5001 })).rejects.toMatchObject({
      code: 'MEDIA_TOO_LARGE',
    })
    await expect(store.uploads.receive(id, Readable.from([body(5001)]))).rejects.toMatchObject({
      code: 'MEDIA_TOO_LARGE',
    })
  })
})

describe('an upload in chunks', () => {
  const chunked = (sizeBytes: number): CreateUpload => ({
    door: 'chunked',
    owner: 'ann',
    filename: 'a.bin',
    sizeBytes,
    chunkBytes: 256 * KiB,
  })

  test('takes them in any order and several at once', async () => {
    const bytes = body(900 * KiB)
    const { id, mediaId, chunks } = await store.uploads.create(chunked(bytes.length))
    expect(chunks).toEqual([])
    const chunk = (index: number): Buffer => bytes.subarray(index * 256 * KiB, (index + 1) * 256 * KiB)
    await store.uploads.putChunk(id, chunk(3), { index: 3 })
    expect(await store.uploads.get(id)).toMatchObject({ chunks: [3], offsetBytes: 132 * KiB })
    await expect(store.uploads.complete(id)).rejects.toMatchObject({ reason: 'upload-incomplete' })
    await Promise.all([2, 0, 1].map((index) => store.uploads.putChunk(id, chunk(index), { index })))
    expect(await store.uploads.get(id)).toMatchObject({ chunks: [0, 1, 2, 3], state: 'received' })
    await store.uploads.complete(id)
    await expectBytes(mediaId, bytes)
    expect(volume.parts.size).toBe(0)
  })

  test('has another chunk where the same one came twice, and none where the second broke off', async () => {
    const bytes = body(400 * KiB)
    const { id, mediaId } = await store.uploads.create(chunked(bytes.length))
    const first = bytes.subarray(0, 256 * KiB)
    await store.uploads.putChunk(id, body(256 * KiB), { index: 0 })
    await store.uploads.putChunk(id, bytes.subarray(256 * KiB), { index: 1 })
    await expect(store.uploads.putChunk(id, await breaking(body(1000)), { index: 0 })).rejects.toThrow()
    expect(await store.uploads.get(id)).toMatchObject({ chunks: [1] })
    await store.uploads.putChunk(id, first, { index: 0 })
    await store.uploads.complete(id)
    await expectBytes(mediaId, bytes)
  })

  test('is whole where chunks of two processes lie between each other, the first of them dead', async () => {
    const bytes = body(5 * 256 * KiB)
    const { id, mediaId } = await store.uploads.create(chunked(bytes.length))
    const chunk = (index: number): Buffer => bytes.subarray(index * 256 * KiB, (index + 1) * 256 * KiB)
    for (const index of [0, 2, 4]) await store.uploads.putChunk(id, chunk(index), { index })
    await dieWriting(id)
    for (const index of [3, 1]) await store.uploads.putChunk(id, chunk(index), { index })
    expect(volume.parts.size).toBe(2)
    await store.uploads.complete(id)
    await expectBytes(mediaId, bytes)
    expect(volume.parts.size).toBe(0)
  })

  test('lets go when a chunk cannot be opened', async () => {
    const { id } = await store.uploads.create(chunked(400 * KiB))
    await expect(store.uploads.putChunk(id, { path: '/not/there' }, { index: 0 })).rejects.toMatchObject({
      reason: 'bad-path',
    })
    expect(await store.uploads.abort(id)).toBe(true)
  })

  test('refuses chunks that are none of it', async () => {
    const { id } = await store.uploads.create(chunked(400 * KiB))
    for (const index of [-1, 2, 1.5, Number.NaN])
      await expect(store.uploads.putChunk(id, body(10), { index })).rejects.toMatchObject({
        code: 'MEDIA_BAD_INPUT',
        reason: 'bad-chunk',
      })
    await expect(store.uploads.putChunk(id, body(10), { index: 0 })).rejects.toMatchObject({
      reason: 'incomplete-body',
    })
    await expect(store.uploads.putChunk(id, body(256 * KiB + 1), { index: 0 })).rejects.toMatchObject({
      code: 'MEDIA_TOO_LARGE',
    })
  })
})

describe('an upload to a volume without staging', () => {
  test('keeps its pieces as objects until it is whole', async () => {
    const inner = memoryStore({ maxBytes: 64 * MiB })
    const bucket = Object.create(inner, { staging: { value: undefined } }) as ObjectStore
    await openAnew({ tiers: [{ name: 'bucket', store: bucket }] })
    const bytes = body(900 * KiB)
    const { id, mediaId } = await store.uploads.create(tus(bytes.length))
    await store.uploads.append(id, bytes.subarray(0, 300 * KiB), { offsetBytes: 0 })
    await store.uploads.append(id, bytes.subarray(300 * KiB), { offsetBytes: 300 * KiB })
    await store.uploads.complete(id)
    await expectBytes(mediaId, bytes)
    expect((await bucket.list()).objects).toHaveLength(1)
  })
})

describe('a concatenation', () => {
  test('makes one media of finished parts of the same owner', async () => {
    const bytes = body(700 * KiB)
    const pieces = [bytes.subarray(0, 300 * KiB), bytes.subarray(300 * KiB)]
    const parts = await Promise.all(
      pieces.map(async (piece) => {
        const { id } = await store.uploads.create(tus(piece.length, { partial: true }))
        await store.uploads.append(id, piece, { offsetBytes: 0 })
        return id
      }),
    )
    const { sizeBytes: _, ...open } = tus(0)
    const { id, mediaId } = await store.uploads.create(open)
    expect(await store.uploads.concatenate(id, parts)).toMatchObject({
      state: 'active',
      sizeBytes: bytes.length,
    })
    await expectBytes(mediaId, bytes)
    const { id: foreign } = await store.uploads.create({ ...open, owner: 'bob' })
    await expect(store.uploads.concatenate(foreign, parts)).rejects.toMatchObject({ code: 'MEDIA_ABSENT' })
    const { id: unfinished } = await store.uploads.create(tus(10, { partial: true }))
    await expect(store.uploads.concatenate(foreign, [unfinished])).rejects.toMatchObject({
      code: 'MEDIA_ABSENT',
    })
    const { id: third } = await store.uploads.create(open)
    await expect(store.uploads.concatenate(third, [unfinished])).rejects.toMatchObject({
      reason: 'upload-incomplete',
    })
    await expect(store.uploads.complete(unfinished)).rejects.toMatchObject({ reason: 'partial-upload' })
  })
})

describe('an upload straight to a bucket', () => {
  const signing = (conditionalPut: 'enforced' | 'ignored'): ObjectStore => {
    const inner = memoryStore({ volume })
    return Object.create(inner, {
      traits: { value: { ...inner.traits, conditionalPut } },
      presign: {
        value: async (key: string, { exact }: PresignOptions): Promise<SignedRequest> => ({
          method: 'PUT',
          url: new URL(`https://bucket.example/${key}`),
          headers: exact?.ifAbsent === true ? { 'if-none-match': '*' } : {},
        }),
      },
    }) as ObjectStore
  }
  let bucket: ObjectStore
  const openWith = async (conditionalPut: 'enforced' | 'ignored'): Promise<void> => {
    await store.close()
    volume = createMemoryVolume({ maxBytes: 512 * MiB, clock: systemClock })
    catalog = memoryCatalog()
    bucket = signing(conditionalPut)
    store = await open({ tiers: [{ name: 'bucket', store: bucket }] })
  }
  const direct = (bytes: Buffer): CreateUpload => ({
    door: 'direct',
    filename: 'a.bin',
    sizeBytes: bytes.length,
    digest: digestOf(bytes),
  })
  const send = async (id: string, bytes: Buffer): Promise<string> => {
    const { url } = await store.uploads.address(id)
    const key = url.pathname.slice(1)
    await bucket.put(key, bytesSource(bytes))
    return key
  }
  const keysOf = async (): Promise<readonly string[]> => (await bucket.list()).objects.map(({ key }) => key)

  test('is taken as it lies where nobody can write over it', async () => {
    await openWith('enforced')
    const bytes = body(2 * MiB)
    const { id, mediaId } = await store.uploads.create(direct(bytes))
    await expect(store.uploads.complete(id)).rejects.toMatchObject({ reason: 'upload-incomplete' })
    expect((await store.uploads.address(id)).headers).toEqual({ 'if-none-match': '*' })
    const key = await send(id, bytes)
    expect(await store.uploads.complete(id)).toMatchObject({ id: mediaId, digest: digestOf(bytes) })
    expect(await keysOf()).toEqual([key])
    await expectBytes(mediaId, bytes)
    await expect(store.uploads.address(id)).rejects.toMatchObject({ reason: 'upload-ended' })
  })

  test('is kept under another key where somebody could', async () => {
    await openWith('ignored')
    const bytes = body(2 * MiB)
    const { id, mediaId } = await store.uploads.create(direct(bytes))
    const key = await send(id, bytes)
    await store.uploads.complete(id)
    const keys = await keysOf()
    expect(keys).toHaveLength(1)
    expect(keys).not.toContain(key)
    await bucket.put(key, bytesSource(body(10)))
    await expectBytes(mediaId, bytes)
  })

  test('is completed by word of the bucket, once', async () => {
    await openWith('enforced')
    const bytes = body(5000)
    const { id, mediaId } = await store.uploads.create(direct(bytes))
    const key = await send(id, bytes)
    expect(await store.uploads.arrived('ab/some-other-key')).toBeUndefined()
    expect(await store.uploads.arrived(key)).toMatchObject({ id: mediaId })
    expect(await store.uploads.arrived(key)).toBeUndefined()
  })

  test('leaves nothing when its bytes are others, are there already, or it is given up', async () => {
    for (const conditionalPut of ['enforced', 'ignored'] as const) {
      await openWith(conditionalPut)
      const bytes = body(5000)
      const { id: wrong } = await store.uploads.create(direct(bytes))
      await send(wrong, body(5000))
      await expect(store.uploads.complete(wrong)).rejects.toMatchObject({ code: 'MEDIA_DIGEST_MISMATCH' })
      const { id: long } = await store.uploads.create(direct(bytes))
      await send(long, body(5001))
      await expect(store.uploads.complete(long)).rejects.toMatchObject({ code: 'MEDIA_TOO_LARGE' })
      const { id: given } = await store.uploads.create(direct(bytes))
      await send(given, bytes)
      await store.uploads.abort(given)
      expect(await keysOf()).toEqual([])
      await store.put(bytes)
      const { id: same, mediaId } = await store.uploads.create(direct(bytes))
      await send(same, bytes)
      await store.uploads.complete(same)
      expect(await keysOf()).toHaveLength(1)
      await expectBytes(mediaId, bytes)
    }
  })

  test('is refused where no bucket signs addresses', async () => {
    await expect(store.uploads.create(direct(body(5)))).rejects.toMatchObject({
      code: 'MEDIA_UNSUPPORTED',
      reason: 'direct-unsupported',
    })
  })
})

describe('a quota', () => {
  test('is never passed by uploads and puts side by side, and free again when they end', async () => {
    await openAnew({ limits: { ownerBytes: 10 * MiB } })
    const sizes = Array.from({ length: 20 }, () => MiB)
    const created = await Promise.allSettled(sizes.map((size) => store.uploads.create(tus(size))))
    const uploads = created.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    expect(uploads).toHaveLength(10)
    expect(created.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'MEDIA_QUOTA', reason: 'owner-quota' },
    })
    await expect(store.put(PNG, { owner: 'ann' })).rejects.toMatchObject({ code: 'MEDIA_QUOTA' })
    await store.put(PNG, { owner: 'bob' })
    await store.uploads.abort(uploads[0]?.id ?? '')
    const puts = await Promise.allSettled(
      Array.from({ length: 12 }, () => store.put(body(200 * KiB), { owner: 'ann' })),
    )
    expect(puts.filter(({ status }) => status === 'fulfilled')).toHaveLength(5)
    const second = uploads[1]?.id ?? ''
    await store.uploads.append(second, body(MiB), { offsetBytes: 0, complete: true })
    const [usage] = (await store.usage('owner')).filter(({ name }) => name === 'ann')
    expect(usage?.logicalBytes).toBe(MiB + 5 * 200 * KiB)
  })

  test('holds for an upload whose length came later', async () => {
    await openAnew({ limits: { ownerBytes: 5 * MiB } })
    const { sizeBytes: _, ...later } = tus(0)
    const { id } = await store.uploads.create(later)
    await expect(
      store.uploads.append(id, body(1), { offsetBytes: 0, sizeBytes: 6 * MiB }),
    ).rejects.toMatchObject({ code: 'MEDIA_QUOTA' })
    await store.uploads.append(id, body(1), { offsetBytes: 0, sizeBytes: 4 * MiB })
    await expect(store.uploads.create(tus(2 * MiB))).rejects.toMatchObject({ code: 'MEDIA_QUOTA' })
  })

  test('holds for a body whose length nobody told', async () => {
    await openAnew({ limits: { ownerBytes: 5 * MiB } })
    await store.put(Readable.from([body(3 * MiB), body(MiB)]), { owner: 'ann' })
    const more = Readable.from(Array.from({ length: 8 }, () => body(512 * KiB)))
    await expect(store.put(more, { owner: 'ann' })).rejects.toMatchObject({ code: 'MEDIA_QUOTA' })
    await store.put(Readable.from([body(900 * KiB), body(100 * KiB)]), { owner: 'ann' })
  })

  test('bounds how many uploads an owner has open', async () => {
    await openAnew({ limits: { maxOpenUploads: 3 } })
    const created = await Promise.allSettled(Array.from({ length: 6 }, () => store.uploads.create(tus(10))))
    expect(created.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
    expect(created.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'MEDIA_RATE_LIMITED', reason: 'too-many-uploads' },
    })
    await store.uploads.create(tus(10, { owner: 'bob' }))
  })
})
