import assert from 'node:assert/strict'
import type { Catalog } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { recordOf } from '../expect.ts'
import { ALPHA, put, stage } from '../put.ts'

const GRACE_MS = 40
const VOLUME = 'kit-disk'
const object = (key: string, storedBytes = 10) => ({ key, storedBytes })

async function keyOf(catalog: Catalog, id: string): Promise<string> {
  const [placement] = (await recordOf(catalog, ALPHA, id)).content.placements
  assert.ok(placement !== undefined)
  return placement.key
}

async function usageOf(catalog: Catalog, volumeId = VOLUME) {
  const found = (await catalog.volumeUsage()).find((usage) => usage.volumeId === volumeId)
  return { objects: found?.objects ?? 0, storedBytes: found?.storedBytes ?? 0 }
}

/** Objects that no row names. */
export const orphanCases: readonly CatalogCase[] = [
  {
    id: 'orphans.leave',
    claim: 'leaveOrphans() takes objects that no row names, once each, and no others',
    async check({ catalog }) {
      const { record } = await put(catalog)
      const live = await keyOf(catalog, record.id)
      const staged = await stage(catalog)
      const taken = await catalog.leaveOrphans(VOLUME, [
        object('one'),
        object(live),
        object(staged.key),
        object('two'),
        object('one'),
      ])
      assert.deepEqual([...taken].sort(), ['one', 'two'])
      assert.deepEqual([...(await catalog.leaveOrphans(VOLUME, [object('two')]))], [], 'it has a row now')
      assert.deepEqual([...(await catalog.leaveOrphans('kit-cold', [object('two')]))], ['two'], 'elsewhere')
      assert.equal((await recordOf(catalog, ALPHA, record.id)).content.placements.length, 1)
    },
  },
  {
    id: 'orphans.grace',
    claim: 'an orphan goes after its grace, which being found again does not start anew',
    async check({ catalog, advance }) {
      await catalog.leaveOrphans(VOLUME, [object('found/one', 12)])
      assert.deepEqual([...(await catalog.claimGarbage({ graceMs: 3_600_000, limit: 10 }))], [], 'within it')
      await advance(GRACE_MS)
      await catalog.leaveOrphans(VOLUME, [object('found/one', 12)])
      await catalog.condemn({ limit: 10 })
      const [claimed, ...rest] = await catalog.claimGarbage({ graceMs: GRACE_MS, limit: 10 })
      assert.equal(rest.length, 0)
      assert.equal(claimed?.key, 'found/one')
      assert.equal(claimed.volumeId, VOLUME)
      assert.equal(claimed.state, 'leaving')
      assert.equal(claimed.owned, true)
      assert.equal(claimed.storedBytes, 12)
      await catalog.dropPlacements([claimed.id])
      assert.deepEqual([...(await catalog.claimGarbage({ graceMs: 0, limit: 10 }))], [], 'dropped')
      assert.equal(await catalog.copiesOf(claimed.blobId), undefined, 'its blob is gone with it')
    },
  },
  {
    id: 'orphans.counted',
    claim: 'orphans count on their volume and in the plan until they are dropped',
    async check({ catalog, advance }) {
      await put(catalog, { bytes: '0123456789' })
      await catalog.leaveOrphans(VOLUME, [object('one', 5), object('two', 7)])
      assert.deepEqual(await usageOf(catalog), { objects: 3, storedBytes: 22 })
      const plan = await catalog.planGarbage({ graceMs: 3_600_000 })
      assert.equal(plan.condemnable, 0, 'condemned already')
      assert.equal(plan.objects, 3)
      assert.equal(plan.waitingObjects, 2)
      assert.equal(plan.waitingBytes, 12)
      await advance(GRACE_MS)
      const claimed = await catalog.claimGarbage({ graceMs: GRACE_MS, limit: 10 })
      await catalog.dropPlacements(claimed.map(({ id }) => id))
      assert.deepEqual(await usageOf(catalog), { objects: 1, storedBytes: 10 })
    },
  },
  {
    id: 'orphans.keys',
    claim: 'unknownKeys() gives the keys that no row of the volume names, whatever the state of the row',
    async check({ catalog }) {
      const live = await keyOf(catalog, (await put(catalog)).record.id)
      const bad = await put(catalog)
      for (const { id } of bad.record.content.placements) await catalog.markBad(id)
      const [badCopy] = bad.record.content.placements
      const staged = await stage(catalog)
      const left = await stage(catalog)
      await catalog.endSession(left.session)
      const known = [live, badCopy?.key ?? '', staged.key, left.key]
      // As long as the end by which keys may be sorted, and around it.
      const unknown = ['a', 'b/ü 😀', 'x'.repeat(36), `y${'x'.repeat(36)}`, `${live}x`, live.slice(1)]
      assert.deepEqual([...(await catalog.unknownKeys(VOLUME, [...known, ...unknown]))], unknown)
      assert.deepEqual([...(await catalog.unknownKeys('kit-cold', known))], known, 'on another volume')
      assert.deepEqual([...(await catalog.unknownKeys(VOLUME, []))], [])
    },
  },
]
