import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { bytesSource } from '../bytes/source.ts'
import { newPlacementId, physicalKey } from '../cas/physical-key.ts'
import type { Catalog } from '../contracts/catalog.ts'
import type { CollectOptions, GarbageProgress } from '../contracts/media-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { bytesOf, fixture, keys, noise, small } from '../media-store/store.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { type MemoryStore, memoryStore } from '../memory/object-store/index.ts'
import { paidStore } from '../moves/paid-store.fixture.ts'
import { systemClock } from '../time/clock.ts'

type Store = Awaited<ReturnType<typeof fixture>>['store']

async function collected(store: Store, options: CollectOptions): Promise<GarbageProgress> {
  let last: GarbageProgress | undefined
  for await (const step of store.upkeep.collectGarbage(options)) last = step
  if (last === undefined) throw new Error('collectGarbage told nothing')
  return last
}

/** A second store over the same volume, such as one with another catalog. */
const sharing = (objects: MemoryStore): MemoryStore => memoryStore({ volume: objects.volume })

const count = ({ volume }: MemoryStore): number => volume.sortedKeys().length

const body = (n: number): Buffer => Buffer.from(`body number ${n}`)
const orphanKey = (nowMs = Date.now()): string => physicalKey(digestOf(small), newPlacementId(nowMs))

async function withMedia(count: number, options: Parameters<typeof fixture>[0] = {}) {
  const made = await fixture(options)
  const media = []
  for (let n = 0; n < count; n++) media.push(await made.store.put(body(n)))
  return { ...made, media }
}

describe('collectGarbage()', () => {
  it('a dry run tells what a run then does, and changes nothing', async () => {
    const { store, objects, media } = await withMedia(10)
    for (const { id } of media.slice(0, 4)) await store.delete(id)
    const before = await keys(objects)
    const { plan } = await collected(store, { dryRun: true, graceMs: 0, thorough: true })
    expect(await keys(objects)).toEqual(before)
    const run = await collected(store, { graceMs: 0 })
    expect(run).toMatchObject({
      condemned: plan?.condemnable,
      freedObjects: plan?.freeableObjects,
      freedBytes: plan?.freeableBytes,
    })
    expect(run.freedObjects).toBe(4)
  })

  it('brakes when more than a fifth would go, before anything is deleted, and goes on when forced', async () => {
    const { store, objects, media } = await withMedia(1_500)
    for (const { id } of media.slice(0, 1_001)) await store.delete(id)
    await expect(collected(store, { graceMs: 0 })).rejects.toMatchObject({
      code: 'MEDIA_CONFLICT',
      reason: 'gc-brake',
    })
    expect(count(objects)).toBe(1_500)
    expect((await collected(store, { graceMs: 0, force: true })).freedObjects).toBe(1_001)
    expect(await bytesOf(store, media[1_499]?.id ?? '')).toEqual(body(1_499))
  })

  it('brakes when no record is left of many', async () => {
    const { store, objects, media } = await withMedia(1_000)
    for (const { id } of media) await store.delete(id)
    await expect(collected(store, { graceMs: 0 })).rejects.toMatchObject({ reason: 'gc-brake' })
    expect(count(objects)).toBe(1_000)
  })

  it('lets go what a store says is its normal day', async () => {
    const { store, media } = await withMedia(1_200, { upkeep: { intervalMs: 0, maxGarbageRatio: 1 } })
    for (const { id } of media) await store.delete(id)
    expect((await collected(store, { graceMs: 0 })).freedObjects).toBe(1_200)
  })

  it('needs no force for what a small store loses in a day', async () => {
    const { store, objects, media } = await withMedia(20)
    for (const { id } of media) await store.delete(id)
    await collected(store, { graceMs: 0 })
    expect(await keys(objects)).toEqual([])
  })

  it('a thorough run frees objects without a row after the grace, and leaves foreign ones alone', async () => {
    const { store, objects, media } = await withMedia(2)
    const orphan = orphanKey()
    await objects.put(orphan, bytesSource(small))
    await objects.put('notes/of-somebody-else.txt', bytesSource(small))
    const piece = `mk-partials/session/0/${'0'.repeat(16)}-0000000001`
    await objects.put(piece, bytesSource(small))
    expect(await collected(store, { graceMs: 60_000, thorough: true }), 'it is too young').toMatchObject({
      orphans: 0,
    })
    expect(await collected(store, { graceMs: 0 }), 'only a thorough run looks').toMatchObject({
      orphans: 0,
      foreign: 0,
    })
    const run = await collected(store, { graceMs: 0, thorough: true })
    expect(run).toMatchObject({ orphans: 1, foreign: 1, freedObjects: 1, freedBytes: small.length })
    const left = await keys(objects)
    expect(left).not.toContain(orphan)
    expect(left).toEqual(expect.arrayContaining(['notes/of-somebody-else.txt', piece]))
    for (const [n, { id }] of media.entries()) expect(await bytesOf(store, id)).toEqual(body(n))
  })

  it('brakes when the volume holds much that the catalog does not know: it may be the wrong catalog', async () => {
    const { store, objects } = await withMedia(1)
    for (let n = 0; n < 1_000; n++) await objects.put(orphanKey(), bytesSource(small))
    await expect(collected(store, { graceMs: 0, thorough: true })).rejects.toMatchObject({
      reason: 'gc-brake',
    })
    expect(count(objects)).toBe(1_001)
  })

  it('keeps the bytes of records that a catalog has lost, as long as the journal knows them', async () => {
    const objects = memoryStore()
    const tiers = [{ name: 'memory', store: objects }]
    const { store } = await fixture({ tiers })
    await store.put(body(1))
    const replaced = await store.put(body(2), { at: { key: 'two' } })
    await store.put(body(3), { at: { key: 'two' } })
    const deleted = await store.put(body(4))
    await store.delete(deleted.id)
    const wanted = (await keys(objects)).filter(
      (key) => ![replaced, deleted].some(({ digest }) => key.includes(digest?.slice(7) ?? '?')),
    )
    const { store: other } = await fixture({ tiers: [{ name: 'memory', store: sharing(objects) }] })
    const before = await keys(objects)
    await expect(collected(other, { graceMs: 0, thorough: true })).rejects.toMatchObject({
      reason: 'gc-brake',
    })
    expect(await keys(objects)).toEqual(before)
    const run = await collected(other, { graceMs: 0, thorough: true, force: true })
    expect(run).toMatchObject({ recoverable: 2, orphans: 2, freedObjects: 2 })
    expect(await keys(objects)).toEqual(wanted)
  })

  it('brakes where another installation was given the same bucket by mistake', async () => {
    const bucket = paidStore()
    const installed = async (puts: number): Promise<Store> => {
      const { store } = await fixture({ tiers: [{ name: 's3', store: bucket.store }] })
      for (let n = 0; n < puts; n++) await store.put(noise(100))
      return store
    }
    await installed(20)
    const other = await installed(30)
    await expect(collected(other, { graceMs: 0, thorough: true })).rejects.toMatchObject({
      reason: 'gc-brake',
    })
    expect(await bucket.keys()).toHaveLength(50)
  })

  describe('beside a bucket, which has no journal, after the catalog was set back', () => {
    /** Of two hosts with a disk each: what lies in the bucket, and a store of a catalog that knows none of it. */
    async function setBack(options: { readonly ownPuts: number }) {
      const disk = memoryStore()
      const otherDisk = memoryStore()
      const bucket = paidStore()
      const host = async (own: MemoryStore, capacityBytes: number): Promise<Store> => {
        const tiers = [
          { name: 'disk', store: own, capacityBytes },
          { name: 's3', store: bucket.store },
        ]
        return (await fixture({ tiers })).store
      }
      const full = await host(otherDisk, 1)
      for (let n = 0; n < 3; n++) await full.put(body(n))
      const own = await host(disk, 1_000_000)
      for (let n = 0; n < options.ownPuts; n++) await own.put(body(10 + n))
      return { disk, otherDisk, bucket, before: await bucket.keys(), host }
    }

    it('keeps what the journal of the disk names there', async () => {
      const { otherDisk, bucket, before, host } = await setBack({ ownPuts: 0 })
      const late = await host(sharing(otherDisk), 1_000_000)
      const run = await collected(late, { graceMs: 0, thorough: true, force: true })
      expect(run).toMatchObject({ recoverable: 3, orphans: 0, freedObjects: 0 })
      expect(await bucket.keys()).toEqual(before)
    })

    it('keeps what only the journal of another host can name, once its own tells of records that are lost', async () => {
      const { disk, bucket, before, host } = await setBack({ ownPuts: 1 })
      const late = await host(sharing(disk), 1_000_000)
      const run = await collected(late, { graceMs: 0, thorough: true, force: true })
      expect(run).toMatchObject({ recoverable: 4, orphans: 0, freedObjects: 0 })
      expect(await bucket.keys()).toEqual(before)
    })

    it('collects there when no journal says that anything is lost', async () => {
      const { disk, bucket, host } = await setBack({ ownPuts: 0 })
      const late = await host(sharing(disk), 1_000_000)
      const run = await collected(late, { graceMs: 0, thorough: true, force: true })
      expect(run).toMatchObject({ recoverable: 0, orphans: 3, freedObjects: 3 })
      expect(await bucket.keys()).toEqual([])
    })
  })

  it('counts every object that no row names, also beyond those that it remembers for one run', async () => {
    const digest = digestOf(small)
    const found = Array.from({ length: 50_010 }, () => ({
      key: physicalKey(digest, newPlacementId(0)),
      sizeBytes: 1,
      modifiedAt: new Date(0),
      etag: 'x',
    }))
    const objects = { ...memoryStore(), list: async () => ({ objects: found }) }
    const { store } = await fixture({ tiers: [{ name: 'disk', store: objects }] })
    expect(await collected(store, { dryRun: true, graceMs: 0, thorough: true })).toMatchObject({
      orphans: 50_010,
    })
  })

  it('keeps every copy that lines of the newest revision name, also when they name different ones', async () => {
    const objects = memoryStore()
    const { store } = await fixture({ tiers: [{ name: 'memory', store: objects }] })
    await store.put(small)
    const [key = ''] = await keys(objects)
    const [line = ''] = objects.volume.journal.segments.flat()
    const repaired = `${key.slice(0, key.indexOf('.'))}.${'1'.repeat(32)}`
    await objects.put(repaired, bytesSource(small))
    objects.volume.journal.segments = [[line, line.replaceAll(key, repaired)]]
    const { store: other } = await fixture({ tiers: [{ name: 'memory', store: sharing(objects) }] })
    const run = await collected(other, { graceMs: 0, thorough: true })
    expect(run).toMatchObject({ recoverable: 2, orphans: 0, freedObjects: 0 })
    expect([...(await keys(objects))].sort()).toEqual([key, repaired].sort())
  })

  it('tells once of a volume that is away, however much of its garbage waits, and frees it when it is back', async () => {
    const objects = memoryStore()
    let isAway = false
    let nowMs = Date.now()
    const { store, events } = await fixture({
      clock: { ...systemClock, now: () => (nowMs += 10_000) },
      tiers: [
        {
          name: 'memory',
          store: {
            ...objects,
            async identity() {
              if (isAway) throw new MediaError('MEDIA_UNAVAILABLE', 'unmounted', { reason: 'volume-offline' })
              return objects.volume.identity
            },
          },
        },
      ],
    })
    for (let n = 0; n < 5; n++) await store.delete((await store.put(body(n))).id)
    isAway = true
    expect(await collected(store, { graceMs: 0 })).toMatchObject({ condemned: 5, freedObjects: 0 })
    expect(events.filter((event) => event.type === 'upkeep.failed')).toHaveLength(1)
    expect(await keys(objects)).toHaveLength(5)
    isAway = false
    expect(await collected(store, { graceMs: 0 })).toMatchObject({ freedObjects: 5 })
    expect(await keys(objects)).toEqual([])
  })

  it('asks only for garbage of volumes that are there, and tells nothing of one without garbage', async () => {
    const away = memoryStore()
    let isAway = false
    let nowMs = Date.now()
    const asked: (readonly string[] | undefined)[] = []
    const inner = memoryCatalog()
    const catalog: Catalog = {
      ...inner,
      claimGarbage(options) {
        asked.push(options.volumeIds)
        return inner.claimGarbage(options)
      },
    }
    const near = memoryStore()
    const { store, events } = await fixture({
      catalog,
      clock: { ...systemClock, now: () => (nowMs += 10_000) },
      tiers: [
        { name: 'near', store: near },
        {
          name: 'away',
          store: {
            ...away,
            async identity() {
              if (isAway) throw new MediaError('MEDIA_UNAVAILABLE', 'unmounted', { reason: 'volume-offline' })
              return away.volume.identity
            },
          },
        },
      ],
    })
    await store.delete((await store.put(body(1))).id)
    isAway = true
    expect(await collected(store, { graceMs: 0 })).toMatchObject({ freedObjects: 1 })
    const { id } = near.volume.identity
    expect(asked).toEqual([[away.volume.identity.id], [id], [id]])
    expect(events.filter((event) => event.type === 'upkeep.failed')).toEqual([])
  })

  it('stops at a signal with its reason', async () => {
    const { store } = await withMedia(1)
    const reason = new Error('enough')
    await expect(collected(store, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
