import assert from 'node:assert/strict'
import { digestOf } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { allCopies, COLD, DISK, endCopy, putOne, startCopy } from '../copies.ts'
import { recordOf, refuses } from '../expect.ts'
import { collectAll } from '../purge.ts'
import { ALPHA, BETA, stage, timeOf } from '../put.ts'

const idsOf = (copies: readonly { readonly placement: { readonly id: string } }[]): string[] =>
  copies.map(({ placement }) => placement.id)

/** Copies as verifying sees them. */
export const copiesCases: readonly CatalogCase[] = [
  {
    id: 'copies.list',
    claim: 'listCopies() gives the live and bad copies on the volumes asked for, with what is to be checked',
    async check({ catalog }) {
      const one = await putOne(catalog, { bytes: 'one' })
      const bad = await putOne(catalog, { namespace: BETA })
      await catalog.markBad(bad.placementId)
      const cold = await putOne(catalog, { volumeId: COLD })
      await stage(catalog)
      const left = await stage(catalog)
      await catalog.endSession(left.session)
      const onDisk = await allCopies(catalog, { volumeIds: [DISK] })
      assert.deepEqual(idsOf(onDisk).sort(), [one.placementId, bad.placementId].sort())
      const found = onDisk.find(({ placement }) => placement.id === one.placementId)
      const [placement] = (await recordOf(catalog, ALPHA, one.id)).content.placements
      assert.deepEqual(found?.placement, placement)
      assert.equal(found?.digest, digestOf(Buffer.from('one')))
      assert.equal(found?.sizeBytes, 3)
      assert.equal(found?.verifiedAt, undefined, 'never verified')
      assert.equal(onDisk.find(({ placement: { id } }) => id === bad.placementId)?.placement.state, 'bad')
      assert.equal((await allCopies(catalog, { volumeIds: [DISK, COLD] })).length, 3)
      assert.deepEqual(idsOf(await allCopies(catalog, { volumeIds: [COLD] })), [cold.placementId])
      assert.deepEqual(idsOf(await allCopies(catalog, { volumeIds: [] })), [])
    },
  },
  {
    id: 'copies.walk',
    claim: 'listCopies() gives each copy that is there all the time once, while others come and go',
    async check({ catalog, advance }) {
      const puts = []
      for (let n = 0; n < 8; n++) puts.push(await putOne(catalog))
      const volumeIds = [DISK, COLD]
      const first = await catalog.listCopies({ volumeIds, limit: 3 })
      assert.equal(first.copies.length, 3)
      const seen = new Set(idsOf(first.copies))
      // One that was seen goes, one that was not, and the last that was seen, where the cursor stands.
      const last = first.copies.at(-1)?.placement.id
      const unseen = puts.filter(({ placementId }) => !seen.has(placementId))
      const gone = [...puts.filter(({ placementId }) => placementId === last), ...unseen.slice(1, 2)]
      gone.push(...puts.filter(({ placementId }) => seen.has(placementId)).slice(0, 1))
      for (const { id } of gone) await catalog.delete(ALPHA, id)
      await collectAll(catalog, advance)
      await putOne(catalog)
      for (const { blobId, id } of puts) {
        if (gone.some((one) => one.id === id)) continue
        await endCopy(catalog, await startCopy(catalog, blobId))
      }
      const rest: string[] = []
      for (let cursor = first.cursor; cursor !== undefined; ) {
        const page = await catalog.listCopies({ volumeIds, limit: 3, cursor })
        rest.push(...idsOf(page.copies))
        cursor = page.cursor
      }
      for (const { placementId } of unseen) {
        const isGone = gone.some((one) => one.placementId === placementId)
        const times = rest.filter((id) => id === placementId).length
        assert.equal(times, isGone ? 0 : 1, `a copy ${isGone ? 'that is gone' : 'that was to come'}`)
      }
      assert.deepEqual(
        rest.filter((id) => seen.has(id)),
        [],
        'seen again',
      )
      assert.equal(new Set(rest).size, rest.length, 'given twice')
    },
  },
  {
    id: 'copies.bad-cursor',
    claim: 'listCopies() refuses a cursor of another walk, and what is none, with MEDIA_BAD_INPUT',
    async check({ catalog }) {
      for (let n = 0; n < 3; n++) await putOne(catalog)
      const other = await catalog.recheckBlobs({ limit: 1 })
      for (const cursor of ['', 'no cursor', other.cursor ?? ''])
        await refuses(
          'MEDIA_BAD_INPUT',
          catalog.listCopies({ volumeIds: [DISK], limit: 1, cursor }),
          JSON.stringify(cursor),
          'bad-cursor',
        )
    },
  },
  {
    id: 'copies.verified',
    claim: 'markVerified() notes when, and makes a bad copy live again',
    async check({ catalog }) {
      const one = await putOne(catalog)
      const bad = await putOne(catalog)
      const other = await putOne(catalog)
      await catalog.markBad(bad.placementId)
      const before = await timeOf(catalog)
      await catalog.markVerified([one.placementId, bad.placementId, 'no-placement'])
      const after = await timeOf(catalog)
      const copies = await allCopies(catalog, { volumeIds: [DISK] })
      for (const { placement, verifiedAt } of copies) {
        assert.equal(placement.state, 'live')
        if (placement.id === other.placementId) assert.equal(verifiedAt, undefined)
        else assert.ok(Number(verifiedAt) >= before && Number(verifiedAt) <= after, 'the time of the catalog')
      }
      assert.equal((await recordOf(catalog, ALPHA, bad.id)).content.placements.length, 1, 'it serves again')
    },
  },
  {
    id: 'copies.verified-only',
    claim: 'markVerified() leaves alone what is staged or leaving',
    async check({ catalog, advance }) {
      const staged = await stage(catalog)
      const left = await stage(catalog)
      await catalog.endSession(left.session)
      await catalog.markVerified([staged.placementId, left.placementId])
      assert.deepEqual(idsOf(await allCopies(catalog, { volumeIds: [DISK] })), [])
      await advance(2)
      const claimed = await catalog.claimGarbage({ graceMs: 0, limit: 10 })
      assert.deepEqual(
        claimed.map(({ id }) => id),
        [left.placementId],
      )
    },
  },
  {
    id: 'copies.since',
    claim: 'listCopies() leaves out what was verified later than asked for',
    async check({ catalog, advance }) {
      const [early, late, never] = [await putOne(catalog), await putOne(catalog), await putOne(catalog)]
      await catalog.markVerified([early.placementId])
      await advance(10)
      const notVerifiedSince = new Date(await timeOf(catalog))
      await advance(10)
      await catalog.markVerified([late.placementId])
      const found = idsOf(await allCopies(catalog, { volumeIds: [DISK], notVerifiedSince }))
      assert.deepEqual(found.sort(), [early.placementId, never.placementId].sort())
    },
  },
]
