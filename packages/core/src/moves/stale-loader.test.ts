import { randomBytes } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { KiB } from '../bytes/sizes.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { ResourceStates } from '../contracts/resource-states.ts'
import { LOAD_LEASE_MS, SESSION_TTL_MS } from '../defaults.ts'
import { createMediaStore } from '../media-store/index.ts'
import { bytesOf } from '../media-store/store.fixture.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, memoryStore } from '../memory/object-store/index.ts'
import { memoryStates } from '../state/index.ts'
import { paidStore } from './paid-store.fixture.ts'

const BYTES = randomBytes(40 * KiB)

/** Two processes on one disk, with one bucket, one catalog and the same states. The first stands still before it reads the bucket. */
async function twoLoaders() {
  let nowMs = Date.UTC(2026, 0, 1)
  const clock = { now: () => nowMs, after: () => () => {} }
  const tables = createMemoryTables()
  const volume = createMemoryVolume({ maxBytes: 1e9, clock })
  const bucket = createMemoryVolume({ maxBytes: 1e9, clock })
  const states = memoryStates({ clock })
  let goOn = (): void => {}
  const standstill = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const open = async (before: () => Promise<void>) => {
    const paid = paidStore(bucket)
    const { store: inner } = paid
    const s3 = Object.create(inner, {
      get: {
        value: async (...given: Parameters<typeof inner.get>) => {
          await before()
          return inner.get(...given)
        },
      },
    }) as typeof inner
    const settle = vi.fn<ResourceStates['settle']>(states.settle)
    const store = await createMediaStore({
      clock,
      tiers: [
        { name: 'disk', store: memoryStore({ name: 'disk', volume, clock }) },
        { name: 's3', store: s3 },
      ],
      catalog: memoryCatalog({ clock, tables }),
      resourceStates: { ...states, settle, close: async () => {} },
      reads: { cacheBytes: 0 },
      tiering: { rules: [{ name: 'all', match: {}, tiers: ['s3'] }] },
      upkeep: { intervalMs: 0, garbageGraceMs: 0 },
    })
    return { store, reads: () => paid.count('get'), settle }
  }
  const [stale, next] = [await open(() => standstill), await open(async () => {})]
  const { id } = await next.store.put(BYTES)
  await stale.store.warm(id)
  expect((await next.store.availability(id)).state).toBe('loading')
  return {
    ...{ stale, next, id, volume, goOn },
    pass: (ms: number) => {
      nowMs += ms
    },
    async close() {
      goOn()
      await stale.store.close()
      await next.store.close()
    },
  }
}

const isReady = (store: MediaStore, id: string): Promise<void> =>
  vi.waitFor(async () => expect((await store.availability(id)).state).toBe('ready'))
const liveOnDisk = async (store: MediaStore, id: string): Promise<number> =>
  (await store.tiers.explain(id)).copies.filter(({ tier }) => tier === 'disk').length
const toEnd = async (progress: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of progress) continue
}

it('a loader that was away beyond its lease makes no second copy live, and what it wrote is collected', async () => {
  const { stale, next, id, volume, goOn, pass, close } = await twoLoaders()
  await next.store.warm(id)
  expect((await next.store.availability(id)).state).toBe('loading')
  pass(LOAD_LEASE_MS + 1)
  await next.store.warm(id)
  await isReady(next.store, id)
  const [live] = volume.sortedKeys()
  goOn()
  // It says what it made of it, and is told that it is not its turn.
  await vi.waitFor(() => expect(stale.settle).toHaveBeenCalledTimes(1))
  await expect(stale.settle.mock.results[0]?.value).rejects.toMatchObject({ code: 'MEDIA_LEASE_LOST' })
  expect(stale.reads()).toBe(1)
  expect(await liveOnDisk(next.store, id)).toBe(1)
  pass(1)
  await toEnd(next.store.upkeep.collectGarbage({ graceMs: 0, thorough: true }))
  expect(volume.sortedKeys()).toEqual([live])
  expect((await bytesOf(next.store, id)).equals(BYTES)).toBe(true)
  await close()
})

it('a loader whose session was ended while it was away makes no copy live, also where there is none', async () => {
  const { stale, next, id, volume, goOn, pass, close } = await twoLoaders()
  pass(SESSION_TTL_MS + 1)
  await toEnd(next.store.upkeep.expire())
  goOn()
  // It says what it made of it, and is told that it is not its turn.
  await vi.waitFor(() => expect(stale.settle).toHaveBeenCalledTimes(1))
  await expect(stale.settle.mock.results[0]?.value).rejects.toMatchObject({ code: 'MEDIA_LEASE_LOST' })
  expect(stale.reads()).toBe(1)
  expect(await liveOnDisk(next.store, id)).toBe(0)
  await toEnd(next.store.upkeep.collectGarbage({ graceMs: 0, thorough: true }))
  expect(volume.sortedKeys()).toEqual([])
  await next.store.warm(id)
  await isReady(next.store, id)
  expect((await bytesOf(next.store, id)).equals(BYTES)).toBe(true)
  await close()
})
