import assert from 'node:assert/strict'
import type { Catalog, PlacementRecord } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { COLD, DISK, endCopy, putOne, startCopy } from '../copies.ts'
import { registerOne } from '../external.ts'
import { collectAll } from '../purge.ts'
import { ALPHA, stage } from '../put.ts'

type Claim = Partial<Parameters<Catalog['claimGarbage']>[0]>

/** Claims what is due now. */
async function claim(
  catalog: Catalog,
  advance: (ms: number) => Promise<void>,
  options: Claim = {},
): Promise<readonly string[]> {
  await catalog.condemn({ limit: 100 })
  await advance(2)
  return idsOf(await catalog.claimGarbage({ graceMs: 0, limit: 100, ...options }))
}

const idsOf = (placements: readonly PlacementRecord[]): string[] => placements.map(({ id }) => id).sort()

/** Condemned bytes on this volume. @returns the placement */
async function waste(catalog: Catalog, volumeId: string): Promise<string> {
  const { id, placementId } = await putOne(catalog, { volumeId })
  await catalog.delete(ALPHA, id)
  return placementId
}

/** A placement of an upload that was given up. */
async function abandoned(catalog: Catalog, volumeId: string): Promise<string> {
  const { session, placementId } = await stage(catalog, { volumeId })
  await catalog.endSession(session)
  return placementId
}

/** Collecting on some volumes, and of one kind. */
export const garbageVolumeCases: readonly CatalogCase[] = [
  {
    id: 'garbage.volumes',
    claim: 'claimGarbage() gives what lies on the volumes asked for, and does not touch the rest',
    async check({ catalog, advance }) {
      const [here, there] = [await waste(catalog, COLD), await waste(catalog, DISK)]
      const [left, stays] = [await abandoned(catalog, COLD), await abandoned(catalog, DISK)]
      const both = await putOne(catalog, { volumeId: DISK })
      const copy = await startCopy(catalog, both.blobId, { volumeId: COLD })
      await endCopy(catalog, copy)
      await catalog.delete(ALPHA, both.id)
      const claimed = await claim(catalog, advance, { volumeIds: [COLD] })
      assert.deepEqual(claimed, [here, left, copy.placementId].sort())
      assert.deepEqual(await claim(catalog, advance, { volumeIds: [] }), [])
      const found = await catalog.copiesOf(both.blobId)
      assert.deepEqual(
        found?.placements.map(({ id, state }) => `${id} ${state}`),
        [`${both.placementId} live`],
      )
      await catalog.dropPlacements(claimed)
      const rest = await claim(catalog, advance, { volumeIds: [DISK] })
      assert.deepEqual(rest, [there, stays, both.placementId].sort())
    },
  },
  {
    id: 'garbage.volumes-limit',
    claim:
      'garbage elsewhere does not count for the limit: what is asked for is given however much waits before it',
    async check({ catalog, advance }) {
      for (let n = 0; n < 3; n++) await abandoned(catalog, DISK)
      for (let n = 0; n < 3; n++) await waste(catalog, DISK)
      await claim(catalog, advance, { volumeIds: [] })
      const left = await abandoned(catalog, COLD)
      assert.deepEqual(await claim(catalog, advance, { volumeIds: [COLD], limit: 1 }), [left])
      await catalog.dropPlacements([left])
      const here = await waste(catalog, COLD)
      assert.deepEqual(await claim(catalog, advance, { volumeIds: [COLD], limit: 1 }), [here])
    },
  },
  {
    id: 'garbage.leaving-only',
    claim: 'claimGarbage() of what is leaving leaves condemned blobs alone',
    async check({ catalog, advance }) {
      const [condemned, left] = [await waste(catalog, DISK), await abandoned(catalog, DISK)]
      assert.deepEqual(await claim(catalog, advance, { kind: 'leaving' }), [left])
      assert.deepEqual(await claim(catalog, advance, { kind: 'leaving', volumeIds: [DISK] }), [left])
      assert.deepEqual(await claim(catalog, advance, { kind: 'all' }), [condemned, left].sort())
    },
  },
  {
    id: 'garbage.external',
    claim: 'the bytes of external objects are never claimed nor counted, and stand in nobody’s way',
    async check({ catalog, advance }) {
      for (const key of ['a', 'b', 'c']) await catalog.delete(ALPHA, (await registerOne(catalog, key)).id)
      await catalog.condemn({ limit: 100 })
      await advance(2)
      const own = await waste(catalog, COLD)
      assert.deepEqual(await claim(catalog, advance, { limit: 1 }), [own])
      const plan = await catalog.planGarbage({ graceMs: 0 })
      assert.deepEqual(
        [plan.objects, plan.waitingObjects, plan.freeableObjects, plan.freeableBytes],
        [1, 1, 1, plan.bytes],
      )
      assert.deepEqual(idsOf(await collectAll(catalog, advance)), [own])
      const { objects } = await catalog.listExternal(COLD, { limit: 10 })
      assert.deepEqual(
        objects.map(({ key }) => key),
        ['a', 'b', 'c'],
      )
    },
  },
]
