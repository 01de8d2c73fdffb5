import { describe, expect, it } from 'vitest'
import type { Catalog } from '../contracts/catalog.ts'
import type { Media } from '../contracts/media.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { PlacementRule } from '../contracts/tiering.ts'
import { AGE_ROUND_MS, AGE_ROUND_RECORDS, AGE_WALK_MS } from '../defaults.ts'
import { createMediaStore } from '../media-store/index.ts'
import { bytesOf } from '../media-store/store.fixture.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, memoryStore } from '../memory/object-store/index.ts'
import { createLife, type Life, mortal } from './mortal.fixture.ts'
import { paidStore } from './paid-store.fixture.ts'

const DAY = 24 * 3_600_000
const OLD: PlacementRule = { name: 'old', match: { olderThanMs: 30 * DAY }, tiers: ['s3'] }
const BODIES = 6
const body = (n: number): Buffer => Buffer.from(`body number ${n}`)

/** What outlives a process. Time stands until a test moves it; then what is due by then is called back, once. */
function createWorld() {
  let nowMs = Date.UTC(2026, 0, 1)
  const timers = new Set<{ readonly dueMs: number; run(): void }>()
  const clock = {
    now: () => nowMs,
    after(ms: number, run: () => void) {
      const timer = { dueMs: nowMs + ms, run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
  }
  return {
    clock,
    tables: createMemoryTables(),
    disk: createMemoryVolume({ maxBytes: 1e9, clock }),
    bucket: createMemoryVolume({ maxBytes: 1e9, clock }),
    nas: createMemoryVolume({ maxBytes: 1e9, clock }),
    async advance(ms: number): Promise<void> {
      nowMs += ms
      for (const timer of [...timers]) {
        if (timer.dueMs > nowMs || !timers.delete(timer)) continue
        timer.run()
      }
      // All is in memory: what was begun ends within some turns.
      for (let turn = 0; turn < 60; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}
type World = ReturnType<typeof createWorld>

async function boot(
  world: World,
  options: {
    rules?: readonly PlacementRule[]
    life?: Life
    onWalk?: (limit: number) => void
    onMoves?: (planned: number) => void
  } = {},
): Promise<MediaStore> {
  const { rules = [OLD], life = createLife(-1, false), onWalk, onMoves } = options
  const { clock, tables } = world
  const inner = memoryCatalog({ clock, tables })
  const catalog: Catalog = {
    ...inner,
    exportMedia(walk) {
      if (walk.blobId === undefined) onWalk?.(walk.limit)
      return inner.exportMedia(walk)
    },
    async planMoves(moves) {
      const planned = await inner.planMoves(moves)
      onMoves?.(planned.length)
      return planned
    },
  }
  return createMediaStore({
    clock,
    tiers: [
      { name: 'disk', store: mortal(memoryStore({ name: 'disk', volume: world.disk, clock }), life) },
      { name: 's3', store: mortal(paidStore(world.bucket).store, life) },
      { name: 'nas', store: mortal(paidStore(world.nas, 'nas').store, life) },
    ],
    catalog: mortal(catalog, life),
    reads: { cacheBytes: 0 },
    tiering: { rules },
    // The rounds of upkeep list records, too; these are about the moves.
    upkeep: { intervalMs: 1e15, garbageGraceMs: 0 },
  })
}

const counts = ({ disk, bucket }: World): readonly [number, number] => [
  disk.sortedKeys().length,
  bucket.sortedKeys().length,
]

/** A walk, and the moves that it planned. */
async function walk(world: World): Promise<void> {
  await world.advance(AGE_WALK_MS)
  for (let tick = 0; tick < 4; tick++) await world.advance(AGE_ROUND_MS)
}

describe('media that come of age', () => {
  it('move by themselves when they are old enough, and not before', async () => {
    const world = createWorld()
    await using store = await boot(world)
    const kept: Media[] = []
    for (let n = 0; n < BODIES; n++) kept.push(await store.put(body(n)))
    await world.advance(29 * DAY)
    await walk(world)
    expect(counts(world)).toEqual([BODIES, 0])
    await store.put(Buffer.from('young'))
    await world.advance(DAY)
    await walk(world)
    expect(counts(world)).toEqual([1, BODIES])
    for (const [n, { id }] of kept.entries()) expect(await bytesOf(store, id)).toEqual(body(n))
  })

  it('are looked for some records a minute, from where the minute before ended, and all of them within an hour where they are few', async () => {
    const world = createWorld()
    let asked = 0
    await using store = await boot(world, {
      onWalk: (limit) => {
        asked += limit
      },
    })
    const many = AGE_ROUND_RECORDS * 2 + 10
    for (let n = 0; n < many; n++) await store.put(body(n))
    const rounds: number[] = []
    const minute = async (): Promise<void> => {
      const before = asked
      await world.advance(AGE_ROUND_MS)
      rounds.push(asked - before)
    }
    await world.advance(31 * DAY)
    rounds.push(asked)
    for (let n = 0; n < 5; n++) await minute()
    expect(rounds.slice(0, 2)).toEqual([AGE_ROUND_RECORDS, AGE_ROUND_RECORDS])
    expect(rounds[2]).toBeLessThan(AGE_ROUND_RECORDS)
    expect(rounds.slice(3), 'it rests').toEqual([0, 0, 0])
    expect(asked).toBeGreaterThanOrEqual(many)
    await world.advance(AGE_WALK_MS)
    expect(asked).toBeGreaterThan(rounds.reduce((sum, n) => sum + n, 0))
    // Moves are made between, as many at once as there may be.
    for (let n = 0; n < 200 && counts(world)[0] > 0; n++) await world.advance(AGE_ROUND_MS)
    expect(counts(world)).toEqual([0, many])
  }, 60_000)

  it('are not looked for where no rule has an age, and rules without one move nothing by themselves', async () => {
    const world = createWorld()
    let asked = 0
    const onWalk = (): void => {
      asked += 1
    }
    {
      await using store = await boot(world, { rules: [], onWalk })
      for (let n = 0; n < BODIES; n++) await store.put(body(n))
    }
    const all: PlacementRule = { name: 'all', match: { minBytes: 1 }, tiers: ['s3'] }
    {
      await using _store = await boot(world, { rules: [all], onWalk })
      await walk(world)
      expect(asked).toBe(0)
    }
    await using _store = await boot(world, { rules: [all, OLD], onWalk })
    await world.advance(31 * DAY)
    await walk(world)
    expect(asked).toBeGreaterThan(0)
    expect(counts(world)).toEqual([BODIES, 0])
  })

  it('move on when they come of the next age, in a process that has moved them before', async () => {
    const world = createWorld()
    const rules: readonly PlacementRule[] = [
      { name: 'cold', match: { olderThanMs: 7 * DAY }, tiers: ['s3'] },
      { name: 'warm', match: { olderThanMs: DAY }, tiers: ['nas'] },
    ]
    await using store = await boot(world, { rules })
    const { id } = await store.put(body(1))
    await world.advance(2 * DAY)
    await walk(world)
    expect([...counts(world), world.nas.sortedKeys().length]).toEqual([0, 0, 1])
    await world.advance(6 * DAY)
    await walk(world)
    expect([...counts(world), world.nas.sortedKeys().length]).toEqual([0, 1, 0])
    expect(await bytesOf(store, id)).toEqual(body(1))
  })

  /** Media of the same bytes, one of each owner, and what two processes after two others plan for them in the background. */
  async function sharedBy(
    rules: readonly PlacementRule[],
    owners: readonly string[],
  ): Promise<{ readonly world: World; readonly planned: number }> {
    const world = createWorld()
    let planned = 0
    const onMoves = (count: number): void => {
      planned += count
    }
    for (let restart = 0; restart < 2; restart++) {
      await using one = await boot(world, { rules, onMoves })
      await using _two = await boot(world, { rules, onMoves })
      if (restart === 0) for (const owner of owners) await one.put(body(1), { owner })
      await world.advance(2 * DAY)
      for (let n = 0; n < 8; n++) await world.advance(AGE_WALK_MS / 2)
    }
    await using last = await boot(world, { rules, onMoves })
    for (let n = 0; n < 2; n++) for await (const _ of last.tiers.apply()) continue
    return { world, planned }
  }
  const ofOwner = (owner: string, tier: string): PlacementRule => ({
    name: owner,
    match: { owner, olderThanMs: DAY },
    tiers: [tier],
  })

  it('stay while another media of the same bytes is wanted where they are, whichever process looks', async () => {
    for (const owners of [
      ['a', 'b'],
      ['b', 'a'],
    ]) {
      const { world, planned } = await sharedBy([ofOwner('a', 's3'), ofOwner('b', 'disk')], owners)
      expect(planned).toBe(0)
      expect(counts(world)).toEqual([1, 0])
    }
  })

  it('go once where equal bytes are wanted in two places and are in neither: to that of the first media', async () => {
    const { world, planned } = await sharedBy([ofOwner('a', 's3'), ofOwner('b', 'nas')], ['b', 'c', 'a'])
    expect(planned).toBe(1)
    expect([...counts(world), world.nas.sortedKeys().length]).toEqual([0, 0, 1])
  })

  it('are lost by no end of the process at any step, and the next process goes on', {
    timeout: 120_000,
  }, async () => {
    const lived = async (world: World, life: Life): Promise<ReadonlyMap<string, Buffer>> => {
      const kept = new Map<string, Buffer>()
      const store = await boot(world, { life }).catch(() => undefined)
      if (store === undefined) return kept
      for (let n = 0; n < BODIES; n++) {
        const media = await store.put(body(n)).catch(() => undefined)
        if (media !== undefined) kept.set(media.id, body(n))
      }
      await world.advance(31 * DAY)
      await walk(world)
      await store.close({ graceMs: 0 }).catch(() => {})
      return kept
    }
    const whole = createLife(-1, false)
    const first = createWorld()
    await lived(first, whole)
    expect(counts(first)).toEqual([0, BODIES])
    const stride = process.env['MEDIAKEEP_LONG'] === '1' ? 1 : 5
    for (let step = 1; step <= whole.step; step += stride)
      for (const takesEffect of [false, true]) {
        const world = createWorld()
        const kept = await lived(world, createLife(step, takesEffect))
        await world.advance(DAY)
        await using store = await boot(world)
        await world.advance(31 * DAY)
        for (let n = 0; n < 2; n++) await walk(world)
        for await (const _ of store.upkeep.expire()) continue
        for await (const _ of store.upkeep.collectGarbage({ graceMs: 0, thorough: true })) continue
        const about = `step ${step}${takesEffect ? ', with its effect' : ''}`
        for (const [id, bytes] of kept) expect(await bytesOf(store, id), about).toEqual(bytes)
        const [onDisk, inBucket] = counts(world)
        expect([onDisk, inBucket >= kept.size], about).toEqual([0, true])
      }
  })
})
