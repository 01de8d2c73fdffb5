import assert from 'node:assert/strict'
import type { Catalog, GarbagePlan } from '@mediakeep/core'
import type { CatalogCase } from '../context.ts'
import { ALPHA, commitInput, put, stage } from '../put.ts'

/** Longer than any case takes. */
const GRACE_MS = 1_800_000
const NEVER_MS = 3_600_000

/** One of each: in use, lost, condemned long ago and now, leaving long ago and now, staged, and bad ones. */
async function mixed(catalog: Catalog, pause: () => Promise<void>): Promise<void> {
  const lose = async (bytes: string, isBad = false): Promise<void> => {
    const { record } = await put(catalog, { bytes })
    const [placement] = record.content.placements
    if (isBad && placement !== undefined) await catalog.markBad(placement.id)
    await catalog.delete(ALPHA, record.id)
  }
  const abandon = async (bytes: string): Promise<void> =>
    catalog.endSession((await stage(catalog, { bytes })).session)
  const redundant = async (bytes: string): Promise<void> => {
    const [one, two] = [await stage(catalog, { bytes }), await stage(catalog, { bytes })]
    await catalog.commitContent(commitInput(one))
    await catalog.commitContent(commitInput(two))
  }
  await put(catalog, { bytes: 'in use' })
  const bad = await put(catalog, { bytes: 'bad and in use' })
  for (const { id } of bad.record.content.placements) await catalog.markBad(id)
  await lose('condemned long ago')
  await lose('bad and condemned long ago', true)
  await redundant('left long ago')
  await abandon('abandoned and condemned long ago')
  await catalog.condemn({ limit: 100 })
  await pause()
  await lose('condemned now')
  await catalog.condemn({ limit: 100 })
  await redundant('left now')
  await abandon('abandoned now')
  await lose('lost now')
  await lose('bad and lost now', true)
  const pinned = await put(catalog, { bytes: 'pinned' })
  await stage(catalog, { bytes: 'pinned' })
  await catalog.delete(ALPHA, pinned.record.id)
  await stage(catalog, { bytes: 'staged' })
}

/** What the plan says is what then happens. */
async function comesTrue(catalog: Catalog, plan: GarbagePlan, graceMs: number): Promise<void> {
  const { condemned } = await catalog.condemn({ limit: 100 })
  assert.equal(plan.condemnable, condemned, 'condemnable')
  const claimed = await catalog.claimGarbage({ graceMs, limit: 100 })
  assert.equal(plan.freeableObjects, claimed.length, 'freeableObjects')
  assert.equal(plan.freeableBytes, bytesOf(claimed), 'freeableBytes')
}

function bytesOf(placements: readonly { readonly storedBytes: number }[]): number {
  return placements.reduce((sum, { storedBytes }) => sum + storedBytes, 0)
}

/** What collecting would do. */
export const planCases: readonly CatalogCase[] = [
  {
    id: 'plan.nothing',
    claim: 'planGarbage() of an empty catalog is all zeros, and says that there is no record',
    async check({ catalog }) {
      const zeros = {
        objects: 0,
        bytes: 0,
        condemnable: 0,
        waitingObjects: 0,
        waitingBytes: 0,
        freeableObjects: 0,
        freeableBytes: 0,
      }
      assert.deepEqual({ ...(await catalog.planGarbage({ graceMs: 0 })) }, { hasMedia: false, ...zeros })
      const { record } = await put(catalog, { bytes: '0123456789' })
      const one = { hasMedia: true, ...zeros, objects: 1, bytes: 10 }
      assert.deepEqual({ ...(await catalog.planGarbage({ graceMs: 0 })) }, one, 'a record in use')
      await catalog.delete(ALPHA, record.id)
      assert.equal((await catalog.planGarbage({ graceMs: 0 })).hasMedia, false, 'deleted')
    },
  },
  {
    id: 'plan.exact',
    claim: 'planGarbage() counts exactly what condemn() and claimGarbage() then do',
    needs: ['clock'],
    async check({ catalog, advance }) {
      await mixed(catalog, () => advance(2 * GRACE_MS))
      const plan = await catalog.planGarbage({ graceMs: GRACE_MS })
      assert.equal(plan.freeableObjects, 4, 'two condemned and two left long ago')
      await comesTrue(catalog, plan, GRACE_MS)
    },
  },
  {
    id: 'plan.no-grace',
    claim: 'planGarbage() without grace counts also what condemn() condemns now',
    async check({ catalog, advance }) {
      await mixed(catalog, () => advance(2))
      const plan = await catalog.planGarbage({ graceMs: 0 })
      assert.equal(plan.freeableObjects, plan.waitingObjects, 'all that waits')
      assert.equal(plan.freeableBytes, plan.waitingBytes)
      await comesTrue(catalog, plan, 0)
    },
  },
  {
    id: 'plan.waiting',
    claim:
      'planGarbage() counts each object that waits for its grace once, and measures against all that is stored',
    async check({ catalog, advance }) {
      await mixed(catalog, () => advance(2))
      const plan = await catalog.planGarbage({ graceMs: NEVER_MS })
      assert.equal(plan.freeableObjects, 0, 'nothing is past such a grace')
      assert.equal(plan.freeableBytes, 0)
      const usage = await catalog.volumeUsage()
      assert.equal(
        plan.objects,
        usage.reduce((sum, { objects }) => sum + objects, 0),
      )
      assert.equal(plan.bytes, bytesOf(usage))
      await catalog.condemn({ limit: 100 })
      const after = await catalog.planGarbage({ graceMs: NEVER_MS })
      assert.deepEqual({ ...after }, { ...plan, condemnable: 0 }, 'condemned, it still waits')
      await advance(2)
      const claimed = await catalog.claimGarbage({ graceMs: 0, limit: 100 })
      assert.equal(plan.waitingObjects, claimed.length)
      assert.equal(plan.waitingBytes, bytesOf(claimed))
    },
  },
  {
    id: 'plan.changes-nothing',
    claim: 'planGarbage() changes nothing: asked again it says the same, and nothing is condemned or claimed',
    async check({ catalog, advance }) {
      const { record } = await put(catalog)
      await catalog.delete(ALPHA, record.id)
      const plan = await catalog.planGarbage({ graceMs: 0 })
      assert.equal(plan.condemnable, 1)
      assert.deepEqual({ ...(await catalog.planGarbage({ graceMs: 0 })) }, { ...plan })
      await advance(2)
      assert.deepEqual([...(await catalog.claimGarbage({ graceMs: 0, limit: 10 }))], [], 'not condemned')
    },
  },
]
