import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { KiB, MiB } from '../bytes/sizes.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import type { CreateUpload } from '../contracts/uploads.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { body, breaking, dieWriting, expectBytes, openAnew, store, tus, volume } from './uploads.fixture.ts'

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

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
