import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { type Catalog, createMediaStore, MediaError, type MediaStore, memoryCatalog } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fsStore } from './index.ts'
import { filesOf, makeRoot } from './testing/volumes.ts'

let folder: ReturnType<typeof makeRoot>
let store: MediaStore
/** Changes of a session that a power cut has taken: not synced, and nothing synced came behind them. */
let losesPassing = false
/** The first one fails. */
let commits = 0
beforeEach(async () => {
  folder = makeRoot()
  losesPassing = false
  commits = 0
  const inner = memoryCatalog()
  const catalog = Object.create(inner, {
    commitContent: {
      value: async (...input: Parameters<Catalog['commitContent']>) => {
        if (++commits > 1) return inner.commitContent(...input)
        throw new MediaError('MEDIA_UNAVAILABLE', 'the catalog is away')
      },
    },
    extendSession: {
      value: async (...[token, to]: Parameters<Catalog['extendSession']>) => {
        const isLost = losesPassing && (to.isPassing === true || commits === 1)
        const { leaseMs } = to
        return inner.extendSession(token, !isLost ? to : leaseMs === undefined ? {} : { leaseMs })
      },
    },
  }) as Catalog
  store = await createMediaStore({
    tiers: [{ name: 'disk', store: fsStore({ root: folder.root }) }],
    catalog,
    policies: [{ match: '*', allowUnrecognised: true }],
    upkeep: { intervalMs: 0 },
  })
})
afterEach(async () => {
  await store.close()
  folder.remove()
})

const bytes = randomBytes(300_000)
const away = { code: 'MEDIA_UNAVAILABLE' }
async function expectWhole(mediaId: string): Promise<void> {
  await using reader = await store.open(mediaId)
  expect(bytes.equals(await reader.bytes({ maxBytes: 1e6 }))).toBe(true)
  expect(filesOf(folder.root).filter((path) => path.includes('~part-'))).toEqual([])
}

test('bytes of an upload are there again for the next try when the commit behind their adoption fails', async () => {
  const { id, mediaId } = await store.uploads.create({ door: 'tus', sizeBytes: bytes.length })
  await store.uploads.append(id, bytes, { offsetBytes: 0 })
  await expect(store.uploads.complete(id)).rejects.toMatchObject(away)
  expect(await store.uploads.get(id)).toMatchObject({ state: 'received', offsetBytes: bytes.length })
  await store.uploads.complete(id)
  await expectWhole(mediaId)
})

test('a chunk that is sent once more after a commit that failed goes beside the bytes that were adopted', async () => {
  const { id, mediaId } = await store.uploads.create({ door: 'chunked', sizeBytes: bytes.length })
  await store.uploads.putChunk(id, bytes, { index: 0 })
  await expect(store.uploads.complete(id)).rejects.toMatchObject(away)
  await store.uploads.putChunk(id, bytes, { index: 0 })
  await store.uploads.complete(id)
  await expectWhole(mediaId)
})

test('a body whose row a power cut set back to its beginning, when its bytes had been adopted, is sent again', async () => {
  const { id, mediaId } = await store.uploads.create({ door: 'tus', sizeBytes: bytes.length })
  losesPassing = true
  await expect(store.uploads.append(id, bytes, { offsetBytes: 0, complete: true })).rejects.toMatchObject(
    away,
  )
  losesPassing = false
  expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: 0 })
  const sent = await store.uploads.append(id, bytes, { offsetBytes: 0, complete: true })
  expect(sent.media?.id).toBe(mediaId)
  await expectWhole(mediaId)
})

test('bodies that are held in the same memory one after the other keep their own bytes', async () => {
  commits = 1
  const put = async (sizeBytes: number): Promise<{ readonly id: string; readonly bytes: Buffer }> => {
    const bytes = Buffer.concat([Buffer.from([0x9d, 1, 0xc4, 0x80]), randomBytes(sizeBytes)])
    const chunks = Array.from({ length: Math.ceil(bytes.length / 50_000) }, (_, index) =>
      bytes.subarray(index * 50_000, (index + 1) * 50_000),
    )
    const { id } = await store.put(Readable.from(chunks), { sizeBytes: bytes.length })
    return { id, bytes }
  }
  const kept = [await put(900_000), ...(await Promise.all([put(700_000), put(800_000)])), await put(900_000)]
  for (const { id, bytes } of kept) {
    await using reader = await store.open(id)
    expect(bytes.equals(await reader.bytes({ maxBytes: 1e6 }))).toBe(true)
  }
})
