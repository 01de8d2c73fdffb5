import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { KiB, MiB } from '../bytes/sizes.ts'
import { USED_PART_TTL_MS } from '../defaults.ts'
import { body, openAnew, store, tus } from './uploads.fixture.ts'

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
    await expect(store.put(body(70), { owner: 'ann' })).rejects.toMatchObject({ code: 'MEDIA_QUOTA' })
    await store.put(body(70), { owner: 'bob' })
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

  test('counts the bytes of parts once while a whole is made of them', async () => {
    await openAnew({ limits: { ownerBytes: 10 * MiB } })
    const partOf = async (bytes: number): Promise<string> => {
      const { id } = await store.uploads.create(tus(bytes, { partial: true }))
      await store.uploads.append(id, body(bytes), { offsetBytes: 0 })
      return id
    }
    const { sizeBytes: _, ...open } = tus(0)
    const parts = [await partOf(3 * MiB), await partOf(4 * MiB)]
    const twice = await store.uploads.create(open)
    await expect(store.uploads.concatenate(twice.id, [...parts, ...parts])).rejects.toMatchObject({
      code: 'MEDIA_QUOTA',
    })
    await store.uploads.abort(twice.id)
    // They hold again what they held.
    await expect(store.uploads.create(tus(4 * MiB))).rejects.toMatchObject({ code: 'MEDIA_QUOTA' })
    const { id } = await store.uploads.create(open)
    expect(await store.uploads.concatenate(id, parts)).toMatchObject({ state: 'active', sizeBytes: 7 * MiB })
    const [usage] = (await store.usage('owner')).filter(({ name }) => name === 'ann')
    expect(usage?.logicalBytes).toBe(7 * MiB)
    // What is still there counts, also above the quota, and not for long.
    await expect(store.uploads.create(tus(1))).rejects.toMatchObject({ code: 'MEDIA_QUOTA' })
    for (const part of parts) {
      const { expiresAt } = (await store.uploads.get(part)) ?? { expiresAt: new Date(0) }
      expect(expiresAt.getTime()).toBeGreaterThan(Date.now())
      expect(expiresAt.getTime()).toBeLessThanOrEqual(Date.now() + USED_PART_TTL_MS)
      expect(await store.uploads.abort(part)).toBe(true)
    }
    await store.uploads.create(tus(3 * MiB))
    await expect(store.uploads.create(tus(1))).rejects.toMatchObject({ code: 'MEDIA_QUOTA' })
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
