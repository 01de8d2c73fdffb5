import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  imported,
  keysOf,
  mediaAt,
  reconciled,
  TIER,
  untilTrue,
  type WithForeign,
  withForeign,
} from '../media-store/external.fixture.ts'
import { bytesOf } from '../media-store/store.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'

const toEnd = async (progress: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of progress) continue
}

/** Reads until a copy of ours serves it. */
async function promote({ store }: WithForeign, key: string): Promise<void> {
  for (let reads = 0; reads < 3; reads++) await bytesOf(store, { key })
  await untilTrue(async () => (await store.availability({ key })).state === 'ready')
}

function expectUntouched({ bucket }: WithForeign): void {
  expect(bucket.writes).toEqual([])
  const classes = new Set(bucket.attempts.map((attempt) => attempt.class))
  for (const one of ['put', 'part', 'multipart', 'abort', 'copy', 'delete'] as const)
    expect(classes.has(one), one).toBe(false)
}

describe('a store that is not ours', () => {
  it('is asked for no write and no deletion in a whole cycle of everything there is', async () => {
    const all = await withForeign({ minCopies: 1, capacityBytes: 400_000 })
    const { store, bucket, disk, events } = all
    for (let n = 0; n < 20; n++) bucket.put(`${n}`, randomBytes(10_000))
    await imported(store)
    for (let n = 0; n < 10; n++) await promote(all, `${n}`)
    await store.delete({ key: '0' }) // promoted
    await store.delete({ key: '11' }) // never read
    bucket.put('1', randomBytes(20_000))
    bucket.delete('2')
    await store.tiers.hint({ tier: TIER, key: '2' })
    await reconciled(store)
    const mine = await store.put(randomBytes(10_000))
    await store.delete(mine.id)
    for (const force of [false, true]) {
      await toEnd(store.upkeep.collectGarbage({ graceMs: 0, force }))
      await toEnd(store.upkeep.collectGarbage({ graceMs: 0, thorough: true, force }))
    }
    await toEnd(store.tiers.apply())
    await toEnd(store.upkeep.verify({ repair: true }))
    await toEnd(store.upkeep.repair())
    await toEnd(store.upkeep.expire())
    await toEnd(store.upkeep.compactJournals())
    await toEnd(store.upkeep.rebuildCatalog({ adoptUnknown: true }))
    await reconciled(store, { force: true })
    await imported(store)
    for (const key of await keysOf(store)) await store.warm({ key })
    for (const key of await keysOf(store)) expect((await bytesOf(store, { key })).length).toBeGreaterThan(0)
    expect(await keysOf(store)).toHaveLength(17)
    expect(disk.volume.usedBytes).toBeGreaterThan(0)
    expect(events.filter(({ type }) => type === 'upkeep.failed' || type === 'blob.corrupt')).toEqual([])
    await store.close()
    expectUntouched(all)
  })

  it('copies of its objects leave when room is needed: they are never moved there, and are served from there again', async () => {
    const all = await withForeign({
      capacityBytes: 100_000,
      tiering: { burst: { holdMs: 0 }, promotion: { reads: 1 } },
    })
    const { store, bucket, disk } = all
    const bodies = Array.from({ length: 30 }, () => randomBytes(10_000))
    for (const [n, bytes] of bodies.entries()) bucket.put(`${n}`, bytes)
    await imported(store)
    for (const [n, bytes] of bodies.entries()) {
      for (let reads = 0; reads < 3; reads++)
        expect((await bytesOf(store, { key: `${n}` })).equals(bytes)).toBe(true)
      await untilTrue(async () => (await store.availability({ key: `${n}` })).state !== 'loading')
      await toEnd(store.tiers.apply())
      expect(disk.volume.usedBytes).toBeLessThanOrEqual(100_000)
    }
    for (let n = 0; n < 8; n++) {
      await store.put(randomBytes(10_000)) // what is ours has room
      await toEnd(store.tiers.apply())
    }
    for (const [n, bytes] of bodies.entries())
      expect((await bytesOf(store, { key: `${n}` })).equals(bytes)).toBe(true)
    expect(disk.volume.usedBytes).toBeGreaterThan(0)
    await store.close()
    expectUntouched(all)
  })

  it('keeps what we know of its objects when the catalog is lost: ids and tags come back from the journals', async () => {
    const disk = memoryStore({ name: 'disk' })
    const before = await withForeign({ disk })
    const { bucket } = before
    for (const key of ['a', 'b', 'c', 'd']) bucket.put(key, key)
    await imported(before.store)
    const tagged = await before.store.update({ key: 'a' }, { tags: ['kept'] })
    await toEnd(before.store.upkeep.compactJournals())
    await promote(before, 'b')
    await before.store.delete({ key: 'c' })
    await before.store.close()
    bucket.delete('d')
    const again = memoryStore({ name: 'disk', volume: disk.volume })
    const after = await withForeign({ disk: again, bucket, catalog: memoryCatalog() })
    await toEnd(after.store.upkeep.rebuildCatalog())
    await reconciled(after.store)
    expect(await mediaAt(after.store, 'a')).toMatchObject({ id: tagged.id, tags: ['kept'] })
    expect((await bytesOf(after.store, { key: 'b' })).toString()).toBe('b')
    // What was deleted comes back: the bucket has it, and a new catalog does not know that we did not want it.
    expect(await keysOf(after.store)).toEqual(['a', 'b', 'c'])
    await after.store.close()
    expectUntouched(after)
  })

  it('refuses a write by whatever way it comes', async () => {
    const { store, bucket } = await withForeign()
    await store.put(Buffer.from('x'), { at: { key: 'a' } })
    expect(bucket.writes).toEqual([])
    expect((await store.tiers.status()).find(({ name }) => name === TIER)?.volumes[0]).toMatchObject({
      storedBytes: 0,
      reservedBytes: 0,
    })
  })
})
