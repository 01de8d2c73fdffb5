import assert from 'node:assert/strict'
import type { CatalogCase } from '../context.ts'
import { allThin, COLD, DISK, endCopy, putOne, startCopy } from '../copies.ts'
import { recordOf, refuses } from '../expect.ts'
import { ALPHA, put, stage } from '../put.ts'

/** Blobs with too few copies. */
export const thinCases: readonly CatalogCase[] = [
  {
    id: 'thin.count',
    claim: 'listThinBlobs() gives the blobs with fewer live copies than asked for, with all their copies',
    async check({ catalog }) {
      const thin = await putOne(catalog)
      const enough = await putOne(catalog)
      const copy = await startCopy(catalog, enough.blobId)
      assert.equal((await allThin(catalog, 2)).length, 2, 'a staged copy is none')
      await endCopy(catalog, copy)
      const [found, ...rest] = await allThin(catalog, 2)
      assert.equal(rest.length, 0)
      const { content } = await recordOf(catalog, ALPHA, thin.id)
      assert.deepEqual(found, {
        blobId: thin.blobId,
        digest: content.digest,
        sizeBytes: content.sizeBytes,
        placements: content.placements,
      })
      assert.deepEqual([...(await allThin(catalog, 1))], [])
      const blobs = (await allThin(catalog, 1, [COLD])).map(({ blobId }) => blobId)
      assert.deepEqual(blobs, [thin.blobId], 'only volumes asked for count')
    },
  },
  {
    id: 'thin.distinct',
    claim: 'listThinBlobs() counts two live copies on one volume once',
    async check({ catalog }) {
      const one = await putOne(catalog)
      await catalog.markBad(one.placementId)
      await endCopy(catalog, await startCopy(catalog, one.blobId, { volumeId: DISK }))
      await catalog.markVerified([one.placementId])
      const [found] = await allThin(catalog, 2)
      assert.deepEqual(
        found?.placements.map(({ state, volumeId }) => `${state} on ${volumeId}`),
        [`live on ${DISK}`, `live on ${DISK}`],
      )
    },
  },
  {
    id: 'thin.bad',
    claim: 'listThinBlobs() does not count bad copies, but shows them; copiesOf() does too',
    async check({ catalog }) {
      const one = await putOne(catalog)
      await endCopy(catalog, await startCopy(catalog, one.blobId))
      await catalog.markBad(one.placementId)
      const [found] = await allThin(catalog, 2)
      assert.equal(found?.blobId, one.blobId)
      assert.deepEqual(found.placements.map(({ state }) => state).sort(), ['bad', 'live'])
      assert.deepEqual(await catalog.copiesOf(one.blobId), found)
      assert.equal(await catalog.copiesOf('no-blob'), undefined)
    },
  },
  {
    id: 'thin.referenced',
    claim: 'listThinBlobs() gives only blobs that a content refers to',
    async check({ catalog }) {
      const gone = await putOne(catalog)
      await catalog.delete(ALPHA, gone.id)
      const pinned = await putOne(catalog, { bytes: 'pinned' })
      await stage(catalog, { bytes: 'pinned' })
      await catalog.delete(ALPHA, pinned.id)
      await stage(catalog)
      const waiting = await put(catalog, { at: { key: 'k' } })
      await put(catalog, { at: { key: 'k' }, state: 'pending' })
      const thin = await allThin(catalog, 2)
      assert.equal(thin.length, 2, 'what serves and what waits beside it')
      assert.ok(thin.some(({ blobId }) => blobId === waiting.record.content.blobId))
    },
  },
  {
    id: 'thin.walk',
    claim: 'listThinBlobs() gives each blob once over its pages, while copies are made',
    async check({ catalog }) {
      const puts = []
      for (let n = 0; n < 7; n++) puts.push(await putOne(catalog))
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const page = await catalog.listThinBlobs({
          volumeIds: [DISK, COLD],
          minCopies: 2,
          limit: 2,
          ...(cursor === undefined ? {} : { cursor }),
        })
        assert.ok(page.blobs.length <= 2)
        for (const { blobId } of page.blobs) {
          seen.push(blobId)
          await endCopy(catalog, await startCopy(catalog, blobId))
        }
        cursor = page.cursor
      } while (cursor !== undefined && seen.length < 100)
      assert.deepEqual(seen.sort(), puts.map(({ blobId }) => blobId).sort())
      const garbage = { volumeIds: [DISK], minCopies: 2, limit: 2, cursor: 'no cursor' }
      await refuses('MEDIA_BAD_INPUT', catalog.listThinBlobs(garbage), 'garbage', 'bad-cursor')
    },
  },
]
