import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { type Catalog, createMediaStore, MediaError, memoryCatalog } from '@mediakeep/core'
import { expect, test } from 'vitest'
import { fsStore } from './index.ts'
import { filesOf, makeRoot } from './testing/volumes.ts'

test('bytes of an upload are there again for the next try when the commit behind their adoption fails', async () => {
  const folder = makeRoot()
  const inner = memoryCatalog()
  let fails = true
  const catalog = Object.create(inner, {
    commitContent: {
      value: async (...input: Parameters<Catalog['commitContent']>) => {
        if (!fails) return inner.commitContent(...input)
        fails = false
        throw new MediaError('MEDIA_UNAVAILABLE', 'the catalog is away')
      },
    },
  }) as Catalog
  const store = await createMediaStore({
    tiers: [{ name: 'disk', store: fsStore({ root: folder.root }) }],
    catalog,
    policies: [{ match: '*', allowUnrecognised: true }],
    upkeep: { intervalMs: 0 },
  })
  try {
    const bytes = randomBytes(300_000)
    const { id, mediaId } = await store.uploads.create({ door: 'tus', sizeBytes: bytes.length })
    await store.uploads.append(id, bytes, { offsetBytes: 0 })
    await expect(store.uploads.complete(id)).rejects.toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
    expect(await store.uploads.get(id)).toMatchObject({ state: 'received', offsetBytes: bytes.length })
    await store.uploads.complete(id)
    await using reader = await store.open(mediaId)
    expect(bytes.equals(await reader.bytes({ maxBytes: 1e6 }))).toBe(true)
    expect(filesOf(folder.root).filter((path) => path.includes('~part-'))).toEqual([])
  } finally {
    await store.close()
    folder.remove()
  }
})

test('bodies that are held in the same memory one after the other keep their own bytes', async () => {
  const folder = makeRoot()
  const store = await createMediaStore({
    tiers: [{ name: 'disk', store: fsStore({ root: folder.root }) }],
    catalog: memoryCatalog(),
    policies: [{ match: '*', allowUnrecognised: true }],
    upkeep: { intervalMs: 0 },
  })
  try {
    const put = async (sizeBytes: number): Promise<{ readonly id: string; readonly bytes: Buffer }> => {
      const bytes = Buffer.concat([Buffer.from([0x9d, 1, 0xc4, 0x80]), randomBytes(sizeBytes)])
      const chunks = Array.from({ length: Math.ceil(bytes.length / 50_000) }, (_, index) =>
        bytes.subarray(index * 50_000, (index + 1) * 50_000),
      )
      const { id } = await store.put(Readable.from(chunks), { sizeBytes: bytes.length })
      return { id, bytes }
    }
    const kept = [
      await put(900_000),
      ...(await Promise.all([put(700_000), put(800_000)])),
      await put(900_000),
    ]
    for (const { id, bytes } of kept) {
      await using reader = await store.open(id)
      expect(bytes.equals(await reader.bytes({ maxBytes: 1e6 }))).toBe(true)
    }
  } finally {
    await store.close()
    folder.remove()
  }
})
