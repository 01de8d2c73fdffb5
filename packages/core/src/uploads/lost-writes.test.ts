import { expect, test } from 'vitest'
import type { Catalog, ExtendSession } from '../contracts/catalog.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { createMediaStore } from '../media-store/index.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'

const BODY = Buffer.from('a body whose row is written badly')

/** A store whose catalog fails as it is told, and is away for good from the commit on. */
async function storeThatLoses({ isLost = () => false, isCommitLost = false }: Losses): Promise<MediaStore> {
  const inner = memoryCatalog()
  let isAway = false
  const lost = (): MediaError => new MediaError('MEDIA_UNAVAILABLE', 'the connection was lost')
  const catalog: Catalog = {
    ...inner,
    async extendSession(token, change) {
      if (isAway || isLost(change)) throw lost()
      return inner.extendSession(token, change)
    },
    async commitContent(content) {
      isAway ||= isCommitLost
      if (isAway) throw lost()
      return inner.commitContent(content)
    },
  }
  return createMediaStore({
    tiers: [{ name: 'home', store: memoryStore() }],
    catalog,
    policies: [{ match: '*', allowUnrecognised: true }],
    upkeep: { intervalMs: 0 },
  })
}
interface Losses {
  readonly isLost?: (change: ExtendSession) => boolean
  readonly isCommitLost?: boolean
}
const lostConnection = { code: 'MEDIA_UNAVAILABLE' }

test('what is told of chunks is what counts at the end, though the row could not be written when one came', async () => {
  let losses = 1
  await using store = await storeThatLoses({
    isLost: ({ offsetBytes }) => offsetBytes === BODY.length && losses-- > 0,
  })
  const { id } = await store.uploads.create({ door: 'chunked', sizeBytes: BODY.length })
  await expect(store.uploads.putChunk(id, BODY, { index: 0 })).rejects.toMatchObject(lostConnection)
  const there = await store.uploads.get(id)
  expect(there).toMatchObject({ chunks: [0], offsetBytes: BODY.length })
  expect((await store.uploads.complete(id)).sizeBytes).toBe(BODY.length)
})

test('bytes that are being committed count in the row: whoever goes on after a lost commit does not write them again', async () => {
  await using store = await storeThatLoses({ isCommitLost: true })
  const { id } = await store.uploads.create({ door: 'tus', sizeBytes: BODY.length })
  await expect(store.uploads.append(id, BODY, { offsetBytes: 0, complete: true })).rejects.toMatchObject(
    lostConnection,
  )
  expect(await store.uploads.get(id)).toMatchObject({ offsetBytes: BODY.length })
})

test('whoever writes where another has taken over is told to ask again, not that the request was wrong', async () => {
  const objects = memoryStore()
  const { staging } = objects
  const partials = staging?.partials
  if (staging === undefined || partials === undefined) throw new Error('a memory store holds parts')
  await using store = await createMediaStore({
    tiers: [
      {
        name: 'home',
        store: {
          ...objects,
          staging: {
            ...staging,
            partials: {
              ...partials,
              async open(part) {
                const writer = await partials.open(part)
                await partials.delete(part)
                return writer
              },
            },
          },
        },
      },
    ],
    catalog: memoryCatalog(),
    policies: [{ match: '*', allowUnrecognised: true }],
    upkeep: { intervalMs: 0 },
  })
  const { id } = await store.uploads.create({ door: 'chunked', sizeBytes: BODY.length })
  await expect(store.uploads.putChunk(id, BODY, { index: 0 })).rejects.toMatchObject({
    code: 'MEDIA_LEASE_LOST',
    reason: 'upload-taken',
  })
})
