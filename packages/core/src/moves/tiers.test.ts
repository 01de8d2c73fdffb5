import { describe, expect, it } from 'vitest'
import { newId } from '../bytes/id.ts'
import { KiB } from '../bytes/sizes.ts'
import type { Media } from '../contracts/media.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import { createMediaStore, type MediaStoreOptions } from '../media-store/index.ts'
import { bytesOf, fixture, keys, noise } from '../media-store/store.fixture.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, type MemoryStore, memoryStore } from '../memory/object-store/index.ts'
import { systemClock } from '../time/clock.ts'
import { type PaidStore, PRICES, paidStore } from './paid-store.fixture.ts'

interface Tiered {
  readonly store: MediaStore
  readonly disk: MemoryStore
  readonly s3: PaidStore
}

const CAPACITY = 1_000 * KiB

async function tiered(options: Partial<MediaStoreOptions> = {}, capacityBytes = CAPACITY): Promise<Tiered> {
  const disk = memoryStore({ name: 'disk' })
  const s3 = paidStore()
  const { store } = await fixture({
    tiers: [
      { name: 'disk', store: disk, capacityBytes },
      { name: 's3', store: s3.store, prices: PRICES },
    ],
    ...options,
    tiering: { burst: { holdMs: 0 }, ...options.tiering },
  })
  return { store, disk, s3 }
}

async function diskBytes(store: MediaStore): Promise<number> {
  const [disk] = await store.tiers.status()
  return disk?.volumes[0]?.storedBytes ?? 0
}
const toEnd = async (progress: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of progress) continue
}
async function putMany(store: MediaStore, count: number, sizeBytes: number): Promise<Map<string, Buffer>> {
  const all = new Map<string, Buffer>()
  for (let n = 0; n < count; n++) {
    const bytes = noise(sizeBytes)
    all.set((await store.put(bytes)).id, bytes)
  }
  return all
}
async function expectAll(store: MediaStore, all: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [id, bytes] of all) expect((await bytesOf(store, id)).equals(bytes), id).toBe(true)
}
async function untilTrue(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error('it never became so')
}
const tierOf = async (store: MediaStore, media: Media): Promise<string> => {
  await using reader = await store.open(media.id)
  return reader.tier
}

describe('local first', () => {
  it('what fits stays local, and the paid store is not asked at all', async () => {
    const { store, s3 } = await tiered()
    await expectAll(store, await putMany(store, 10, 20 * KiB))
    expect(s3.attempts).toEqual([])
  })

  it('past the high watermark nothing fails, the capacity is never passed, and moves stop at the low one', async () => {
    const { store, disk, s3 } = await tiered()
    const all = new Map<string, Buffer>()
    let most = 0
    for (let n = 0; n < 100; n++) {
      const bytes = noise(20 * KiB)
      all.set((await store.put(bytes)).id, bytes)
      most = Math.max(most, disk.volume.usedBytes)
    }
    expect(most).toBeLessThanOrEqual(CAPACITY)
    await toEnd(store.tiers.apply())
    expect(await diskBytes(store)).toBeLessThanOrEqual(CAPACITY * 0.9)
    expect(await diskBytes(store)).toBeGreaterThan(CAPACITY * 0.7)
    expect((await s3.keys()).length + (await keys(disk)).length).toBe(100)
    await expectAll(store, all)
  })

  it('a body larger than all the room there is goes straight to the paid store', async () => {
    const { store, disk, s3 } = await tiered({ limits: { memoryBodyBytes: 4 * KiB } })
    const bytes = noise(2 * CAPACITY)
    const media = await store.put(bytes)
    expect(await keys(disk)).toEqual([])
    expect(disk.staging?.usedBytes).toBe(0)
    expect(await s3.keys()).toHaveLength(1)
    expect((await bytesOf(store, media.id)).equals(bytes)).toBe(true)
    expect((await store.stat(media.id))?.digest).toBe(media.digest)
  })

  it('a body that breaks off on its way to the paid store leaves nothing', async () => {
    const { store, s3 } = await tiered({ limits: { memoryBodyBytes: 4 * KiB } })
    async function* broken() {
      for (let n = 0; n < 20; n++) yield noise(64 * KiB)
      throw new Error('the sender is gone')
    }
    await expect(store.put(broken(), { sizeBytes: 2 * CAPACITY })).rejects.toThrow('the sender is gone')
    expect(await s3.keys()).toEqual([])
    expect(await store.uploads.list()).toEqual([])
    for (const { volumes } of await store.tiers.status())
      for (const { reservedBytes } of volumes) expect(reservedBytes).toBe(0)
  })

  it('with the paid store down as well it is refused, and what was kept stays', async () => {
    const { store, s3 } = await tiered()
    const all = await putMany(store, 40, 20 * KiB)
    s3.isDown = true
    const refused: unknown[] = []
    for (let n = 0; n < 20; n++)
      await store.put(noise(20 * KiB)).catch((error: unknown) => refused.push(error))
    expect(refused.length).toBeGreaterThan(0)
    for (const error of refused) expect(error).toMatchObject({ code: 'MEDIA_UNAVAILABLE' })
    await expectAll(store, all)
  })
})

describe('rules', () => {
  it('the first that matches chooses, and explain names it', async () => {
    const { store, s3 } = await tiered({
      tiering: { rules: [{ name: 'large to s3', match: { minBytes: 50 * KiB }, tiers: ['s3', 'disk'] }] },
    })
    const large = await store.put(noise(60 * KiB))
    const small = await store.put(noise(10 * KiB))
    expect(await s3.keys()).toHaveLength(1)
    expect(await store.tiers.explain(large.id)).toMatchObject({
      rule: 'large to s3',
      tiers: ['s3', 'disk'],
      copies: [{ tier: 's3', isReachable: true, owned: true }],
    })
    expect(await store.tiers.explain(small.id)).toMatchObject({
      tiers: ['disk', 's3'],
      copies: [{ tier: 'disk' }],
    })
  })

  it('media that come of age move when they are asked to, once, and the plan says what it costs', async () => {
    let nowMs = Date.UTC(2026, 0, 1)
    const clock = { now: () => nowMs, after: () => () => {} }
    const disk = memoryStore({ name: 'disk', clock })
    const s3 = paidStore()
    const { store } = await fixture({
      clock,
      catalog: memoryCatalog({ clock }),
      tiers: [
        { name: 'disk', store: disk },
        { name: 's3', store: s3.store, prices: PRICES },
      ],
      tiering: { rules: [{ name: 'old', match: { olderThanMs: 86_400_000 }, tiers: ['s3'] }] },
    })
    const old = await putMany(store, 3, 10 * KiB)
    nowMs += 86_400_001
    const young = await putMany(store, 2, 10 * KiB)
    const plan = await store.tiers.plan()
    expect(plan.moves.map(({ from, to, cause }) => [from, to, cause])).toEqual(
      Array.from({ length: 3 }, () => ['disk', 's3', 'demote']),
    )
    expect(plan.costDollars).toBeCloseTo(3 * 5e-6, 10)
    expect(plan.monthlyDollars).toBeCloseTo(((3 * 10 * KiB) / 1e9) * 0.023, 12)
    expect(s3.count('put')).toBe(0)
    await toEnd(store.tiers.apply())
    await toEnd(store.tiers.apply())
    expect(await s3.keys()).toHaveLength(3)
    expect(await keys(disk)).toHaveLength(2)
    expect(s3.count('put')).toBe(3)
    expect((await store.tiers.plan()).moves).toEqual([])
    await expectAll(store, old)
    await expectAll(store, young)
  })

  it('a plan tells nothing of a move that was made and only not recorded', async () => {
    const catalog = memoryCatalog()
    const { store } = await tiered({ catalog })
    const { id } = await store.put(noise(10 * KiB))
    const content = (await catalog.get(store.namespace, id))?.content
    const [copy] = content?.placements ?? []
    if (content === undefined || copy === undefined) throw new Error('it was just put')
    const left = newId(0)
    const { blobId } = content
    const made = { id: newId(0), blobId, toVolumeId: copy.volumeId, dropPlacementId: left, rank: 1 }
    expect(await catalog.planMoves([{ ...made, cause: 'demote' }])).toEqual([made.id])
    expect(await store.tiers.plan()).toMatchObject({ moves: [], objects: 0, costDollars: 0 })
    await toEnd(store.tiers.apply())
    expect((await catalog.listMoves({ limit: 9 })).moves).toEqual([])
    expect(await store.stat(id)).toBeDefined()
  })

  it('a rule about a tier that is not there is refused at the start', async () => {
    await expect(
      tiered({ tiering: { rules: [{ name: 'a', match: {}, tiers: ['tape'] }] } }),
    ).rejects.toMatchObject({ code: 'MEDIA_BAD_INPUT', reason: 'bad-composition' })
  })
})

describe('reading what is cold', () => {
  async function cold(
    options: Partial<MediaStoreOptions> = {},
  ): Promise<Tiered & { media: Media; bytes: Buffer }> {
    const made = await tiered({
      reads: { cacheBytes: 0 },
      ...options,
      tiering: { rules: [{ name: 'all', match: {}, tiers: ['s3'] }], ...options.tiering },
    })
    const bytes = noise(300 * KiB)
    const media = await made.store.put(bytes)
    made.s3.attempts.length = 0
    return { ...made, media, bytes }
  }

  it('the first read streams through, the second makes a copy, the third costs nothing', async () => {
    const { store, s3, media, bytes } = await cold()
    expect((await bytesOf(store, media.id)).equals(bytes)).toBe(true)
    expect((await store.availability(media.id)).state).toBe('cold')
    expect((await bytesOf(store, media.id)).equals(bytes)).toBe(true)
    await untilTrue(async () => (await store.availability(media.id)).state === 'ready')
    expect(s3.count('get')).toBe(2)
    expect((await bytesOf(store, media.id)).equals(bytes)).toBe(true)
    expect(await tierOf(store, media)).toBe('disk')
    expect(s3.count('get')).toBe(2)
    expect(s3.count('head')).toBe(0)
  })

  it('many that read at once share one load', async () => {
    const { store, s3, media, bytes } = await cold()
    await bytesOf(store, media.id)
    const all = await Promise.all(Array.from({ length: 50 }, () => bytesOf(store, media.id)))
    for (const one of all) expect(one.equals(bytes)).toBe(true)
    expect(s3.count('get')).toBe(2)
  })

  it('ranges of a load under way are the right bytes', async () => {
    const { store, media, bytes } = await cold()
    await bytesOf(store, media.id)
    const whole = bytesOf(store, media.id)
    const ranges = [0, 1, 65_535, 65_536, 200_000].map(async (start) => {
      const range = { start, endExclusive: start + 70_000 }
      const reader = await store.open(media.id, { range })
      const got = Buffer.from(await reader.bytes({ maxBytes: 1e6 }))
      expect(got.equals(bytes.subarray(start, start + 70_000)), `from ${start}`).toBe(true)
    })
    await Promise.all([whole, ...ranges])
  })

  it('refuse says when to come again, wait waits for the copy', async () => {
    const { store, media, bytes } = await cold()
    await expect(store.open(media.id, { cold: 'refuse' })).rejects.toMatchObject({
      code: 'MEDIA_NOT_READY',
      reason: 'cold',
    })
    const reader = await store.open(media.id, { cold: 'wait' })
    expect(reader.tier).toBe('disk')
    expect(Buffer.from(await reader.bytes({ maxBytes: 1e6 })).equals(bytes)).toBe(true)
  })

  it('warm loads once for all who ask', async () => {
    const { store, s3, media } = await cold()
    const states = await Promise.all(Array.from({ length: 20 }, () => store.warm(media.id)))
    for (const { state } of states) expect(['loading', 'ready']).toContain(state)
    await untilTrue(async () => (await store.availability(media.id)).state === 'ready')
    expect(s3.count('get')).toBe(1)
  })

  it('a load that fails says so, and reading goes on from where the bytes are', async () => {
    const { store, s3, media } = await cold()
    s3.isDown = true
    await store.warm(media.id)
    await untilTrue(async () => (await store.availability(media.id)).state === 'failed')
    s3.isDown = false
    expect((await bytesOf(store, media.id)).length).toBe(300 * KiB)
  })

  it('what loads took of late is what the next is said to take', async () => {
    let skippedMs = 0
    const clock = { ...systemClock, now: () => systemClock.now() + skippedMs }
    const { store, s3, media } = await cold({ clock })
    const next = await store.put(noise(300 * KiB))
    const estimateMs = async (): Promise<number> => {
      const known = await store.availability(next.id)
      return known.state === 'cold' ? known.estimateMs : Number.NaN
    }
    expect(await estimateMs()).toBeLessThan(1_000)
    s3.store.observe?.((attempt) => {
      if (attempt.class === 'get') skippedMs += 10_000
    })
    await (await store.open(media.id, { cold: 'wait' }))[Symbol.asyncDispose]()
    expect(await estimateMs()).toBeGreaterThanOrEqual(10_000)
    const refused = await store.open(next.id, { cold: 'refuse' }).catch((error: unknown) => error)
    expect(isMediaError(refused, 'MEDIA_NOT_READY') && refused.retryAfterMs).toBeGreaterThanOrEqual(10_000)
  })

  it('ids and keys that nobody knows cost nothing', async () => {
    const { store, s3 } = await cold()
    for (let n = 0; n < 1_000; n++) {
      await store.open({ key: `absent/${n}` }).catch((error: unknown) => {
        expect(isMediaError(error, 'MEDIA_ABSENT')).toBe(true)
      })
      expect((await store.availability({ key: `absent/${n}` })).state).toBe('missing')
    }
    expect(s3.attempts).toEqual([])
  })
})

describe('a tier that is down', () => {
  it('writes go on elsewhere, and what went there comes back', async () => {
    const disk = memoryStore({ name: 'near' })
    const near = paidStore(disk.volume, 'near')
    const far = paidStore(undefined, 'far')
    const { store } = await fixture({
      tiers: [
        { name: 'near', store: near.store },
        { name: 'far', store: far.store, prices: PRICES },
      ],
      tiering: { burst: { holdMs: 0 } },
      upkeep: { intervalMs: 0, garbageGraceMs: 0 },
    })
    near.isDown = true
    const all = await putMany(store, 5, 20 * KiB)
    expect(await far.keys()).toHaveLength(5)
    near.isDown = false
    await new Promise((resolve) => setImmediate(resolve))
    await untilTrue(async () => {
      await toEnd(store.tiers.apply())
      return (await near.keys()).length === 5
    })
    expect(await far.keys()).toEqual([])
    await expectAll(store, all)
  })
})

describe('the ledger and the budget', () => {
  it('counts every attempt, and says what was avoided', async () => {
    const { store, s3 } = await tiered({
      reads: { cacheBytes: 0 },
      tiering: { rules: [{ name: 'tiny to s3', match: { maxBytes: 1_000 }, tiers: ['s3'] }] },
    })
    for (let n = 0; n < 10; n++) {
      const paid = await store.put(noise(500))
      await bytesOf(store, paid.id)
      await bytesOf(store, (await store.put(noise(50 * KiB))).id)
    }
    const { rows, spentDollars, avoidedDollars } = await store.tiers.costs()
    const callsOf = (of: string): number =>
      rows.filter((row) => row.class === of).reduce((sum, { calls }) => sum + calls, 0)
    for (const of of ['put', 'get', 'head', 'list', 'delete'] as const)
      expect(callsOf(of), of).toBe(s3.count(of))
    expect(callsOf('get')).toBe(10)
    expect(spentDollars).toBeCloseTo(10 * 5e-6 + 10 * 0.4e-6 + (5_000 / 1e9) * 0.09, 10)
    expect(avoidedDollars).toBeCloseTo(10 * 0.4e-6 + ((10 * 50 * KiB) / 1e9) * 0.09, 10)
  })

  it('a spent budget delays reads and stops bursts, and refuses no first copy', async () => {
    const { store, s3 } = await tiered({
      reads: { cacheBytes: 0 },
      tiering: {
        budget: { dailyDollars: 20e-6 },
        promotion: { reads: 0 },
        rules: [{ name: 'tiny to s3', match: { maxBytes: 1_000 }, tiers: ['s3'] }],
      },
    })
    const media: Media[] = []
    for (let n = 0; n < 6; n++) media.push(await store.put(noise(500)))
    expect(await s3.keys()).toHaveLength(6)
    const error = await bytesOf(store, media[0]?.id ?? '').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code: 'MEDIA_NOT_READY', reason: 'budget-spent' })
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0)
    expect(s3.count('get')).toBe(0)
  })
})

describe('a catalog that is lost', () => {
  it('right after a move comes back with the copies where they are now', async () => {
    const disk = createMemoryVolume({ maxBytes: 1e9, clock: systemClock })
    const bucket = createMemoryVolume({ maxBytes: 1e9, clock: systemClock })
    const open = () =>
      createMediaStore({
        tiers: [
          { name: 'disk', store: memoryStore({ name: 'disk', volume: disk }), capacityBytes: 200 * KiB },
          { name: 's3', store: paidStore(bucket).store },
        ],
        catalog: memoryCatalog(),
        tiering: { burst: { holdMs: 0 } },
        upkeep: { intervalMs: 0 },
      })
    const before = await open()
    const all = await putMany(before, 9, 20 * KiB)
    await toEnd(before.tiers.apply())
    await before.close()
    expect(bucket.sortedKeys().length).toBeGreaterThan(0)
    const after = await open()
    try {
      let lost = -1
      for await (const { lostMedia } of after.upkeep.rebuildCatalog()) lost = lostMedia
      expect(lost).toBe(0)
      await expectAll(after, all)
    } finally {
      await after.close()
    }
  })
})

describe('two hosts with one catalog', () => {
  it('neither takes the copy of the other for its own', async () => {
    const tables = createMemoryTables()
    const bucket = createMemoryVolume({ maxBytes: 1e9, clock: systemClock })
    const host = async (hostId: string) => {
      const disk = memoryStore({ name: `disk of ${hostId}` })
      const store = await createMediaStore({
        hostId,
        tiers: [
          { name: 'disk', store: disk },
          { name: 's3', store: paidStore(bucket).store },
        ],
        catalog: memoryCatalog({ tables }),
        upkeep: { intervalMs: 0, garbageGraceMs: 0 },
      })
      return { store, disk }
    }
    const [a, b] = [await host('a'), await host('b')]
    try {
      const bytes = noise(10 * KiB)
      const onA = await a.store.put(bytes)
      await expect(b.store.open(onA.id)).rejects.toMatchObject({
        code: 'MEDIA_NOT_READY',
        reason: 'other-host',
      })
      expect((await b.store.availability(onA.id)).state).toBe('cold')
      const onB = await b.store.put(bytes)
      expect(await keys(a.disk)).toHaveLength(1)
      expect(await keys(b.disk)).toHaveLength(1)
      expect((await bytesOf(b.store, onB.id)).equals(bytes)).toBe(true)
      await toEnd(b.store.upkeep.collectGarbage({ thorough: true }))
      await toEnd(b.store.upkeep.verify())
      expect(await a.store.delete(onA.id)).toBe(true)
      await toEnd(a.store.upkeep.collectGarbage({ graceMs: 0 }))
      expect((await bytesOf(b.store, onB.id)).equals(bytes)).toBe(true)
    } finally {
      await a.store.close()
      await b.store.close()
    }
  })
})

describe('moves that are withdrawn', () => {
  /** Two bodies that burst past a full disk: each has a planned move home. */
  async function burst(): Promise<Tiered> {
    const world = await tiered()
    await world.store.put(noise(850 * KiB))
    await putMany(world.store, 2, 200 * KiB)
    expect((await world.store.tiers.plan()).moves.filter(({ cause }) => cause === 'heal')).toHaveLength(2)
    return world
  }
  const heals = async ({ store }: Tiered): Promise<number> =>
    (await store.tiers.plan()).moves.filter(({ cause }) => cause === 'heal').length

  it('are neither planned nor made any more, and their bytes stay where they are', async () => {
    const world = await burst()
    const { store } = world
    expect(await store.tiers.withdraw({ to: 's3' })).toEqual({ withdrawn: 0 })
    expect(await store.tiers.withdraw({ cause: 'promote' })).toEqual({ withdrawn: 0 })
    expect(await heals(world)).toBe(2)
    expect(await store.tiers.withdraw({ to: 'disk', cause: 'heal' })).toEqual({ withdrawn: 2 })
    expect(await heals(world)).toBe(0)
    const { items } = await store.list()
    const [big] = items.filter(({ sizeBytes }) => sizeBytes > 500 * KiB)
    await store.delete(big?.id ?? '')
    await toEnd(store.upkeep.collectGarbage({ graceMs: 0, force: true }))
    await toEnd(store.tiers.apply())
    for (const media of items.filter(({ id }) => id !== big?.id))
      expect(await tierOf(store, media)).toBe('s3')
  })

  it('may lead to a tier that is configured no more, which a plan names', async () => {
    const catalog = memoryCatalog({ tables: createMemoryTables() })
    const disk = { name: 'disk', store: memoryStore({ name: 'disk' }) }
    const s3 = { name: 's3', store: paidStore().store, prices: PRICES }
    const before = await fixture({ tiers: [disk, s3], catalog })
    const { namespace, id } = await before.store.put(noise(KiB))
    const toVolumeId = (await before.store.tiers.status())[1]?.volumes[0]?.id ?? ''
    const blobId = (await catalog.get(namespace, id))?.content.blobId ?? ''
    const { store } = await fixture({ tiers: [disk], catalog })
    await catalog.planMoves([{ id: newId(), blobId, toVolumeId, cause: 'demote', rank: 0 }])
    expect((await store.tiers.plan()).moves).toMatchObject([{ from: 'disk', to: 's3', cause: 'demote' }])
    expect(await store.tiers.withdraw({ to: 's3' })).toEqual({ withdrawn: 1 })
    expect((await store.tiers.plan()).moves).toEqual([])
  })

  it.each([
    [{ to: 'attic' }, 'unknown-tier'],
    [{ cause: 'evict' }, 'unknown-cause'],
    [{ tier: 'disk' }, 'unknown-option'],
  ])('are not taken for others: %j is %s', async (options, reason) => {
    const world = await burst()
    await expect(world.store.tiers.withdraw(options as never)).rejects.toMatchObject({
      code: 'MEDIA_BAD_INPUT',
      reason,
    })
    expect(await heals(world)).toBe(2)
  })
})
