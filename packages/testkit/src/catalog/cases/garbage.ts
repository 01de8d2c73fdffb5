import assert from 'node:assert/strict'
import type { Catalog } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { recordOf } from '../expect.ts'
import { collectAll } from '../purge.ts'
import { ALPHA, BETA, commitInput, put, SHORT_TTL_MS, stage } from '../put.ts'

const GRACE_MS = 40
const all = { graceMs: GRACE_MS, limit: 100 } as const

async function condemnAll(catalog: Catalog): Promise<number> {
  return (await catalog.condemn({ limit: 100 })).condemned
}

async function claimIds(
  catalog: Catalog,
  options: { graceMs: number; limit: number } = all,
): Promise<string[]> {
  return (await catalog.claimGarbage(options)).map(({ id }) => id)
}

/** Placement of a put that is the only one of its bytes. */
async function putOne(
  catalog: Catalog,
  bytes?: string,
): Promise<{ id: string; placementId: string; blobId: string }> {
  const { record } = await put(catalog, bytes === undefined ? {} : { bytes })
  const [placement] = record.content.placements
  assert.ok(placement !== undefined)
  return { id: record.id, placementId: placement.id, blobId: record.content.blobId }
}

/** Condemn, wait, look again, delete. */
export const garbageCases: readonly CatalogCase[] = [
  {
    id: 'gc.nothing',
    claim: 'bytes that a record needs are never condemned and never claimed',
    async check({ catalog, advance }) {
      const kept = await putOne(catalog)
      await catalog.delete(ALPHA, (await putOne(catalog)).id)
      assert.equal(await condemnAll(catalog), 1, 'only the other')
      await advance(2 * GRACE_MS)
      assert.equal((await claimIds(catalog)).includes(kept.placementId), false)
      assert.equal((await recordOf(catalog, ALPHA, kept.id)).content.placements.length, 1)
    },
  },
  {
    id: 'gc.grace',
    claim: 'bytes without a reference go after condemnation and grace, not before',
    async check({ catalog, advance }) {
      const { id, placementId, blobId } = await putOne(catalog)
      await catalog.delete(ALPHA, id)
      await advance(2 * GRACE_MS)
      assert.deepEqual(await claimIds(catalog), [], 'not condemned yet')
      assert.equal(await condemnAll(catalog), 1)
      assert.deepEqual(await claimIds(catalog, { graceMs: 3_600_000, limit: 100 }), [], 'within the grace')
      // Not with the short grace at once: on a machine under load it may be over.
      await advance(2 * GRACE_MS)
      const claimed = await catalog.claimGarbage(all)
      assert.deepEqual(
        claimed.map((placement) => placement.id),
        [placementId],
      )
      assert.equal(claimed[0]?.state, 'leaving')
      assert.equal(claimed[0]?.blobId, blobId)
      assert.equal(claimed[0]?.volumeId, 'kit-disk')
      assert.ok(claimed[0]?.key)
      await catalog.dropPlacements([placementId])
      assert.deepEqual(await claimIds(catalog, { graceMs: 0, limit: 100 }), [], 'dropped')
      assert.equal(await catalog.chunkSums(blobId), undefined, 'the blob is gone with it')
    },
  },
  {
    id: 'gc.condemn-once',
    claim: 'condemning again does not move the time of condemnation',
    async check({ catalog, advance }) {
      const { id, placementId } = await putOne(catalog)
      await catalog.delete(ALPHA, id)
      assert.equal(await condemnAll(catalog), 1)
      await advance(GRACE_MS + 20)
      assert.equal(await condemnAll(catalog), 0)
      assert.deepEqual(await claimIds(catalog), [placementId])
    },
  },
  {
    id: 'gc.shared',
    claim: 'the bytes of two owners stay when one deletes, and go when the last one does',
    async check({ catalog, advance }) {
      const one = await put(catalog, { bytes: 'shared', owner: 'ann' })
      const two = await put(catalog, { bytes: 'shared', owner: 'bob', namespace: BETA })
      await catalog.delete(ALPHA, one.record.id)
      assert.deepEqual(await collectAll(catalog, advance), [], 'one is left')
      const { placements } = (await recordOf(catalog, BETA, two.record.id)).content
      assert.equal(placements.length, 1)
      await catalog.delete(BETA, two.record.id)
      const dropped = await collectAll(catalog, advance)
      assert.deepEqual(
        dropped.map(({ id }) => id),
        placements.map(({ id }) => id),
      )
    },
  },
  {
    id: 'gc.replaced',
    claim:
      'the old bytes of a replaced record go; those of content that waits, and what it waits behind, stay',
    async check({ catalog, advance }) {
      const first = await put(catalog, { at: { key: 'k' } })
      const waiting = await put(catalog, { at: { key: 'k' }, bytes: 'waiting', state: 'pending' })
      assert.equal(waiting.record.content.number, 1)
      assert.deepEqual(await collectAll(catalog, advance), [], 'both are needed')
      await put(catalog, { at: { key: 'k' }, bytes: 'third' })
      const dropped = await collectAll(catalog, advance)
      assert.equal(dropped.length, 2, 'the first and the one that waited')
      assert.ok(dropped.some(({ blobId }) => blobId === first.record.content.blobId))
      assert.equal((await recordOf(catalog, ALPHA, { key: 'k' })).content.placements.length, 1)
    },
  },
  {
    id: 'gc.pinned',
    claim: 'bytes that a session needs are neither condemned nor claimed while it lives',
    async check({ catalog, advance }) {
      const { id } = await putOne(catalog, 'pinned')
      const staged = await stage(catalog, { bytes: 'pinned' })
      await catalog.delete(ALPHA, id)
      assert.equal(await condemnAll(catalog), 0)
      await advance(2 * GRACE_MS)
      assert.deepEqual(await claimIds(catalog), [])
      const { record } = await catalog.commitContent(commitInput(staged))
      assert.equal(record.content.placements.length, 1)
      assert.deepEqual(await collectAll(catalog, advance), [])
    },
  },
  {
    id: 'gc.staged',
    claim: 'a staged placement is never garbage while its session lives',
    async check({ catalog, advance }) {
      const staged = await stage(catalog)
      assert.deepEqual(await collectAll(catalog, advance), [])
      const { record } = await catalog.commitContent(commitInput(staged))
      assert.equal(record.content.placements.length, 1)
    },
  },
  {
    id: 'gc.forgiven',
    claim: 'a condemned blob that is staged again is forgiven: it stays, and its grace starts anew',
    async check({ catalog, advance }) {
      const { id, placementId } = await putOne(catalog, 'again')
      await catalog.delete(ALPHA, id)
      assert.equal(await condemnAll(catalog), 1)
      await advance(2 * GRACE_MS)
      const staged = await stage(catalog, { bytes: 'again' })
      assert.deepEqual(
        staged.existing.map((placement) => placement.id),
        [placementId],
      )
      assert.deepEqual(await claimIds(catalog), [], 'while it is pinned')
      await catalog.endSession(staged.session)
      await condemnAll(catalog)
      assert.deepEqual(await claimIds(catalog), [], 'the grace has started anew')
      await advance(2 * GRACE_MS)
      assert.deepEqual(await claimIds(catalog), [placementId])
    },
  },
  {
    id: 'gc.resurrected',
    claim: 'a condemned blob that is committed again stays for good',
    async check({ catalog, advance }) {
      const { id } = await putOne(catalog, 'again')
      await catalog.delete(ALPHA, id)
      assert.equal(await condemnAll(catalog), 1)
      const { record } = await put(catalog, { bytes: 'again' })
      await advance(2 * GRACE_MS)
      assert.deepEqual(await collectAll(catalog, advance), [])
      assert.equal((await recordOf(catalog, ALPHA, record.id)).content.placements.length, 1)
    },
  },
  {
    id: 'gc.claimed-then-put',
    claim: 'a put of bytes whose placement is being deleted gets a placement of its own, which stays',
    async check({ catalog, advance }) {
      const { id, placementId } = await putOne(catalog, 'again')
      await catalog.delete(ALPHA, id)
      await condemnAll(catalog)
      await advance(2 * GRACE_MS)
      assert.deepEqual(await claimIds(catalog), [placementId])
      const staged = await stage(catalog, { bytes: 'again' })
      assert.deepEqual([...staged.existing], [], 'what is leaving cannot be used')
      await catalog.dropPlacements([placementId])
      const { record } = await catalog.commitContent(commitInput(staged))
      assert.deepEqual(await collectAll(catalog, advance), [])
      const { placements, blobId } = (await recordOf(catalog, ALPHA, record.id)).content
      assert.deepEqual(
        placements.map((placement) => placement.id),
        [staged.placementId],
      )
      assert.ok((await catalog.chunkSums(blobId)) !== undefined, 'the blob')
    },
  },
  {
    id: 'gc.dropped-then-put',
    claim: 'bytes that were collected can be put again',
    async check({ catalog, advance }) {
      const { id } = await putOne(catalog, 'again')
      await catalog.delete(ALPHA, id)
      assert.equal((await collectAll(catalog, advance)).length, 1)
      const { record } = await put(catalog, { bytes: 'again' })
      assert.equal(record.content.placements.length, 1)
      assert.ok((await catalog.chunkSums(record.content.blobId)) !== undefined)
    },
  },
  {
    id: 'gc.redundant',
    claim: 'a redundant placement goes after its grace; the live one of the same bytes stays',
    async check({ catalog, advance }) {
      const one = await stage(catalog, { bytes: 'twice' })
      const two = await stage(catalog, { bytes: 'twice' })
      const { record } = await catalog.commitContent(commitInput(one))
      await catalog.commitContent(commitInput(two))
      assert.deepEqual(await claimIds(catalog), [], 'within the grace')
      await advance(2 * GRACE_MS)
      assert.deepEqual(await claimIds(catalog), [two.placementId])
      await catalog.dropPlacements([two.placementId])
      const { placements } = (await recordOf(catalog, ALPHA, record.id)).content
      assert.deepEqual(
        placements.map(({ id }) => id),
        [one.placementId],
      )
    },
  },
  {
    id: 'gc.abandoned',
    claim: 'the staged placement of a session that ended or ran out goes after its grace',
    async check({ catalog, advance }) {
      const ended = await stage(catalog)
      const expired = await stage(catalog, { session: { ttlMs: 1 } })
      await advance(SHORT_TTL_MS)
      await catalog.endSession(ended.session)
      await catalog.expireSessions({ limit: 10 })
      assert.deepEqual(await claimIds(catalog, { graceMs: 3_600_000, limit: 100 }), [], 'within the grace')
      await advance(2 * GRACE_MS)
      const claimed = (await claimIds(catalog)).sort()
      assert.deepEqual(claimed, [ended.placementId, expired.placementId].sort())
    },
  },
  {
    id: 'gc.bad-kept',
    claim: 'a bad placement of bytes that are in use is kept: it may be all there is',
    async check({ catalog, advance }) {
      const { id, placementId } = await putOne(catalog)
      await catalog.markBad(placementId)
      assert.deepEqual(await collectAll(catalog, advance), [])
      await catalog.delete(ALPHA, id)
      const dropped = await collectAll(catalog, advance)
      assert.deepEqual(
        dropped.map((placement) => placement.id),
        [placementId],
        'unused, it goes',
      )
    },
  },
  {
    id: 'gc.claim-again',
    claim: 'what was claimed and not dropped is claimed again',
    async check({ catalog, advance }) {
      const { id, placementId } = await putOne(catalog)
      await catalog.delete(ALPHA, id)
      await condemnAll(catalog)
      await advance(2 * GRACE_MS)
      assert.deepEqual(await claimIds(catalog), [placementId])
      await advance(2 * GRACE_MS)
      assert.deepEqual(await claimIds(catalog), [placementId], 'a deletion that failed')
      await catalog.dropPlacements([placementId])
      await catalog.dropPlacements([placementId])
      assert.deepEqual(await claimIds(catalog), [])
    },
  },
  {
    id: 'gc.drop-live',
    claim: 'dropping what was not claimed changes nothing: placements that are live or staged stay',
    async check({ catalog }) {
      const { id, placementId } = await putOne(catalog)
      const staged = await stage(catalog)
      await catalog.dropPlacements([placementId, staged.placementId])
      const { content } = await recordOf(catalog, ALPHA, id)
      assert.deepEqual(
        content.placements.map((placement) => placement.id),
        [placementId],
      )
      await catalog.commitContent(commitInput(staged))
    },
  },
  {
    id: 'gc.limits',
    claim: 'condemn() and claimGarbage() do at most `limit` a call, and all of it in a few',
    async check({ catalog, advance }) {
      const placements: string[] = []
      for (let n = 0; n < 7; n++) {
        const { id, placementId } = await putOne(catalog)
        placements.push(placementId)
        await catalog.delete(ALPHA, id)
      }
      assert.deepEqual({ ...(await catalog.condemn({ limit: 3 })) }, { condemned: 3, more: true })
      assert.equal((await catalog.condemn({ limit: 3 })).condemned, 3)
      const last = await catalog.condemn({ limit: 3 })
      assert.deepEqual({ ...last }, { condemned: 1, more: false })
      await advance(2 * GRACE_MS)
      const claimed: string[] = []
      for (let round = 0; round < 10 && claimed.length < 7; round++) {
        const ids = await claimIds(catalog, { graceMs: GRACE_MS, limit: 3 })
        assert.ok(ids.length <= 3, 'more than the limit')
        await catalog.dropPlacements(ids)
        claimed.push(...ids)
      }
      assert.deepEqual(claimed.sort(), placements.sort())
    },
  },
  {
    id: 'gc.usage',
    claim: 'bytes count on their volume until they are dropped',
    async check({ catalog, advance }) {
      const { id } = await putOne(catalog, '0123456789')
      const stored = async () =>
        (await catalog.volumeUsage()).find(({ volumeId }) => volumeId === 'kit-disk')?.storedBytes
      await catalog.delete(ALPHA, id)
      await condemnAll(catalog)
      await advance(2 * GRACE_MS)
      const claimed = await claimIds(catalog)
      assert.equal(await stored(), 10, 'claimed')
      await catalog.dropPlacements(claimed)
      assert.equal(await stored(), 0, 'dropped')
    },
  },
  {
    id: 'gc.empty-blob',
    claim: 'a blob whose placements are all gone goes too, once nothing needs it',
    async check({ catalog, advance }) {
      const one = await stage(catalog, { bytes: 'never' })
      const two = await stage(catalog, { bytes: 'never' })
      await catalog.endSession(one.session)
      await advance(2 * GRACE_MS)
      const claimed = await claimIds(catalog)
      assert.deepEqual(claimed, [one.placementId])
      await catalog.dropPlacements(claimed)
      assert.ok((await catalog.chunkSums(one.blobId)) !== undefined, 'the other session needs it')
      await catalog.endSession(two.session)
      await collectAll(catalog, advance)
      assert.equal(await catalog.chunkSums(one.blobId), undefined)
    },
  },
]
