import { describe, expect, test } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { MiB } from '../bytes/sizes.ts'
import { bytesSource } from '../bytes/source.ts'
import type { ObjectStore, PresignOptions, SignedRequest } from '../contracts/object-store.ts'
import type { CreateUpload } from '../contracts/uploads.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { body, expectBytes, openAnew, store } from './uploads.fixture.ts'

describe('an upload straight to a bucket', () => {
  const signing = (inner: ObjectStore, conditionalPut: 'enforced' | 'ignored'): ObjectStore =>
    Object.create(inner, {
      traits: { value: { ...inner.traits, conditionalPut } },
      presign: {
        value: async (key: string, { exact }: PresignOptions): Promise<SignedRequest> => ({
          method: 'PUT',
          url: new URL(`https://bucket.example/${key}`),
          headers: exact?.ifAbsent === true ? { 'if-none-match': '*' } : {},
        }),
      },
    }) as ObjectStore
  let bucket: ObjectStore
  const openWith = (conditionalPut: 'enforced' | 'ignored'): Promise<void> =>
    openAnew((volume) => {
      bucket = signing(memoryStore({ volume }), conditionalPut)
      return { tiers: [{ name: 'bucket', store: bucket }] }
    })
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
