import assert from 'node:assert/strict'
import type { CatalogCase } from '../context.ts'
import { COLD, DISK, endCopy, putOne, startCopy } from '../copies.ts'
import { recordOf, refuses } from '../expect.ts'
import { ALPHA, commitInput, stage } from '../put.ts'

const volumesOf = (placements: readonly { readonly volumeId: string }[]): string[] =>
  placements.map(({ volumeId }) => volumeId).sort()

/** Puts of a host that does not reach every volume. */
export const reachCases: readonly CatalogCase[] = [
  {
    id: 'reach.own',
    claim: 'a put makes a copy of its own beside one that is not within its reach, and both serve',
    async check({ catalog }) {
      const one = await putOne(catalog, { bytes: 'same', volumeId: DISK })
      const input = { bytes: 'same', volumeId: COLD, reachable: [COLD] }
      const staged = await stage(catalog, input)
      assert.equal(staged.blobId, one.blobId)
      assert.equal(staged.existing.length, 0)
      const { record, redundant } = await catalog.commitContent(commitInput(staged, input))
      assert.equal(redundant, false)
      assert.deepEqual(volumesOf(record.content.placements), [COLD, DISK])
      assert.deepEqual(volumesOf((await recordOf(catalog, ALPHA, one.id)).content.placements), [COLD, DISK])
      const again = await stage(catalog, { bytes: 'same', reachable: [COLD] })
      assert.deepEqual(volumesOf(again.existing), [COLD], 'only what is within reach stands in')
      assert.equal((await stage(catalog, { bytes: 'same' })).existing.length, 2)
    },
  },
  {
    id: 'reach.redundant',
    claim: 'of two puts at once the second is redundant only beside a copy within its reach',
    async check({ catalog }) {
      const here = { bytes: 'same', volumeId: COLD, reachable: [COLD] }
      const there = { bytes: 'same', volumeId: DISK, reachable: [DISK] }
      const [first, second, elsewhere] = [
        await stage(catalog, here),
        await stage(catalog, here),
        await stage(catalog, there),
      ]
      const redundant = []
      for (const [staged, input] of [
        [first, here],
        [elsewhere, there],
        [second, here],
      ] as const)
        redundant.push((await catalog.commitContent(commitInput(staged, input))).redundant)
      assert.deepEqual(redundant, [false, false, true])
    },
  },
  {
    id: 'reach.gone',
    claim:
      'a put whose copy left meanwhile is refused when no other is within its reach, and may stage again',
    async check({ catalog }) {
      const one = await putOne(catalog, { bytes: 'same', volumeId: DISK })
      const input = { bytes: 'same', volumeId: DISK, reachable: [DISK] }
      const told = await stage(catalog, input)
      assert.deepEqual(
        told.existing.map(({ id }) => id),
        [one.placementId],
      )
      await endCopy(catalog, await startCopy(catalog, one.blobId, { volumeId: COLD }))
      await catalog.leaveCopies([one.placementId], { homes: [COLD], keep: 1 })
      const commit = catalog.commitContent(commitInput(told, input))
      await refuses('MEDIA_CONFLICT', commit, 'the copy left', 'placement-gone')
      const again = await stage(catalog, input, told.session)
      assert.equal(again.existing.length, 0)
      const { record } = await catalog.commitContent(commitInput(again, input))
      assert.deepEqual(volumesOf(record.content.placements), [COLD, DISK])
    },
  },
]
