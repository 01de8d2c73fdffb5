import assert from 'node:assert/strict'
import type { CatalogCase } from '../context.ts'
import { ALPHA, BETA, put } from '../put.ts'

/** Sums. */
export const usageCases: readonly CatalogCase[] = [
  {
    id: 'usage.owner',
    claim: 'usage() by owner counts media and logical bytes, and shared bytes once per owner',
    async check({ catalog }) {
      await put(catalog, { bytes: 'shared', owner: 'bob' })
      await put(catalog, { bytes: 'shared', owner: 'ann' })
      await put(catalog, { bytes: 'shared', owner: 'ann' })
      await put(catalog, { bytes: 'own', owner: 'ann' })
      await put(catalog, { bytes: 'elsewhere', owner: 'ann', namespace: BETA })
      assert.deepEqual(await sums(catalog.usage(ALPHA, 'owner')), [
        { name: 'ann', media: 3, logicalBytes: 15, storedBytes: 9 },
        { name: 'bob', media: 1, logicalBytes: 6, storedBytes: 6 },
      ])
      assert.deepEqual(await sums(catalog.usage('gamma', 'owner')), [])
    },
  },
  {
    id: 'usage.type',
    claim: 'usage() by type counts what serves under each type',
    async check({ catalog }) {
      await put(catalog, { bytes: 'one', contentType: 'image/png' })
      await put(catalog, { bytes: 'four', contentType: 'video/mp4', at: { key: 'k' } })
      await put(catalog, { bytes: 'longer', contentType: 'image/png', at: { key: 'k' } })
      await put(catalog, { bytes: 'text', contentType: 'text/plain' })
      assert.deepEqual(await sums(catalog.usage(ALPHA, 'type')), [
        { name: 'image/png', media: 2, logicalBytes: 9, storedBytes: 9 },
        { name: 'text/plain', media: 1, logicalBytes: 4, storedBytes: 4 },
      ])
    },
  },
  {
    id: 'usage.tier',
    claim: 'usage() by tier counts what is live there',
    async check({ catalog }) {
      await put(catalog, { bytes: 'disk1', volumeId: 'kit-disk' })
      await put(catalog, { bytes: 'disk1', volumeId: 'kit-disk' })
      await put(catalog, { bytes: 'cold', volumeId: 'kit-cold' })
      assert.deepEqual(await sums(catalog.usage(ALPHA, 'tier')), [
        { name: 'cold', media: 1, logicalBytes: 4, storedBytes: 4 },
        { name: 'disk', media: 2, logicalBytes: 10, storedBytes: 5 },
      ])
    },
  },
  {
    id: 'usage.follows',
    claim: 'usage() follows deletions and changes of owner',
    async check({ catalog }) {
      const one = await put(catalog, { bytes: 'one', owner: 'ann' })
      const two = await put(catalog, { bytes: 'two!', owner: 'ann' })
      await catalog.update(ALPHA, one.record.id, { owner: 'bob' })
      await catalog.delete(ALPHA, two.record.id)
      assert.deepEqual(await sums(catalog.usage(ALPHA, 'owner')), [
        { name: 'bob', media: 1, logicalBytes: 3, storedBytes: 3 },
      ])
    },
  },
  {
    id: 'usage.volumes',
    claim: 'volumeUsage() gives bytes and objects of every registered volume',
    async check({ catalog }) {
      await put(catalog, { bytes: 'one' })
      await put(catalog, { bytes: 'three', namespace: BETA })
      const [cold, disk, ...rest] = [...(await catalog.volumeUsage())].sort((a, b) =>
        a.volumeId < b.volumeId ? -1 : 1,
      )
      assert.deepEqual({ ...cold }, { volumeId: 'kit-cold', storedBytes: 0, objects: 0, reservedBytes: 0 })
      assert.deepEqual({ ...disk }, { volumeId: 'kit-disk', storedBytes: 8, objects: 2, reservedBytes: 0 })
      assert.deepEqual(rest, [])
    },
  },
]

async function sums(call: Promise<readonly object[]>): Promise<unknown[]> {
  return (await call).map((usage) => ({ ...usage }))
}
