import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { KiB } from '../bytes/sizes.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import { createMediaStore } from '../media-store/index.ts'
import { bytesOf } from '../media-store/store.fixture.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, memoryStore } from '../memory/object-store/index.ts'
import { createLife, type Life, mortal } from './mortal.fixture.ts'
import { paidStore } from './paid-store.fixture.ts'

const LONG = process.env['MEDIAKEEP_LONG'] === '1'
const SIZE = 20 * KiB
const BODIES = Array.from({ length: 14 }, () => randomBytes(SIZE))

/** What outlives a process: the catalog's tables, the disk, the bucket, the time. */
function createWorld() {
  let nowMs = Date.UTC(2026, 0, 1)
  const clock = { now: () => nowMs, after: () => () => {} }
  return {
    clock,
    advance: (ms: number) => {
      nowMs += ms
    },
    tables: createMemoryTables(),
    disk: createMemoryVolume({ maxBytes: 1e9, clock }),
    bucket: createMemoryVolume({ maxBytes: 1e9, clock }),
  }
}
type World = ReturnType<typeof createWorld>

async function boot(world: World, life: Life): Promise<MediaStore> {
  const { clock, tables } = world
  return createMediaStore({
    clock,
    tiers: [
      {
        name: 'disk',
        store: mortal(memoryStore({ name: 'disk', volume: world.disk, clock }), life),
        capacityBytes: 10 * SIZE,
      },
      { name: 's3', store: mortal(paidStore(world.bucket).store, life) },
    ],
    catalog: mortal(memoryCatalog({ clock, tables }), life),
    limits: { memoryBodyBytes: 8 * KiB },
    reads: { cacheBytes: 0 },
    tiering: { burst: { holdMs: 0 } },
    upkeep: { intervalMs: 0, garbageGraceMs: 0 },
  })
}

const toEnd = async (progress: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of progress) continue
}

/** Bursts, relief, evictions, promotions, deletions. What was acknowledged is noted as it is. */
async function live(world: World, store: MediaStore, kept: Map<string, Buffer>): Promise<void> {
  for (const bytes of BODIES) {
    kept.set((await store.put(bytes)).id, bytes)
    world.advance(2_000)
  }
  await toEnd(store.tiers.apply())
  for (const id of kept.keys()) {
    await bytesOf(store, id)
    await bytesOf(store, id)
    await store.warm(id)
  }
  const [first] = kept.keys()
  if (first !== undefined) {
    kept.delete(first) // from here on either answer is right
    await store.delete(first)
  }
  world.advance(2_000)
  await toEnd(store.tiers.apply())
  await toEnd(store.upkeep.collectGarbage({ graceMs: 0 }))
}

async function expectWhole(world: World, kept: ReadonlyMap<string, Buffer>, about: string): Promise<void> {
  world.advance(3_600_000)
  const store = await boot(world, createLife(-1, false))
  try {
    for (let round = 0; round < 2; round++) {
      await toEnd(store.upkeep.expire())
      await toEnd(store.tiers.apply())
      await toEnd(store.upkeep.collectGarbage({ graceMs: 0, thorough: true }))
      world.advance(3_600_000)
    }
    for (const [id, bytes] of kept)
      expect((await bytesOf(store, id)).equals(bytes), `${about}: ${id}`).toBe(true)
    for (const { name, volumes } of await store.tiers.status())
      for (const { reservedBytes, objects } of volumes) {
        expect(reservedBytes, `${about}: reserved on ${name}`).toBe(0)
        const there = name === 'disk' ? world.disk : world.bucket
        expect(there.sortedKeys().length, `${about}: objects on ${name}`).toBe(objects)
      }
    const left = await memoryCatalog({ clock: world.clock, tables: world.tables }).listMoves({ limit: 10 })
    // What burst waits for room; nothing else waits.
    for (const { cause, lastError } of left.moves)
      expect([cause, lastError], `${about}: moves left`).toEqual(['heal', expect.stringContaining('full')])
  } finally {
    await store.close()
  }
}

describe('a process that ends at any step of a burst, a promotion or an eviction', () => {
  it('loses nothing, leaks no reservation, and leaves no object nobody knows', {
    timeout: 300_000,
  }, async () => {
    const whole = createLife(-1, false)
    const world = createWorld()
    const store = await boot(world, whole)
    await live(world, store, new Map())
    await store.close()
    expect(whole.step).toBeGreaterThan(200)
    const stride = LONG ? 1 : 7
    let kills = 0
    for (let step = 1; step <= whole.step; step += stride)
      for (const takesEffect of [false, true]) {
        const one = createWorld()
        const life = createLife(step, takesEffect)
        const kept = new Map<string, Buffer>()
        const dying = await boot(one, life).catch(() => undefined)
        if (dying !== undefined) {
          await live(one, dying, kept).catch(() => {})
          await dying.close({ graceMs: 0 }).catch(() => {})
        }
        await expectWhole(one, kept, `step ${step}${takesEffect ? ', with its effect' : ''}`)
        kills += 1
      }
    expect(kills).toBeGreaterThan(50)
  })
})
