import { randomBytes } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { KiB } from '../bytes/sizes.ts'
import type { ReadStatesOptions, ResourceStates } from '../contracts/resource-states.ts'
import { MediaError } from '../errors/media-error.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { PRICES, paidStore } from '../moves/paid-store.fixture.ts'
import { memoryStates } from '../state/index.ts'
import { createMediaStore } from './create.ts'
import { bytesOf, fixture } from './store.fixture.ts'

/** Shared states that can be away. */
function statesThatGo(): { states: ResourceStates; isAway: boolean; readonly reads: ReadStatesOptions[] } {
  const inner = memoryStates()
  const control = { states: inner, isAway: true, reads: [] as ReadStatesOptions[] }
  const unlessAway =
    <Given extends unknown[], T>(call: (...given: Given) => Promise<T>) =>
    async (...given: Given): Promise<T> => {
      if (control.isAway)
        throw new MediaError('MEDIA_UNAVAILABLE', 'states: away', { reason: 'states-unreachable' })
      return call(...given)
    }
  control.states = {
    read: (keys, options) => {
      if (!control.isAway) control.reads.push(options ?? {})
      return unlessAway(inner.read)(keys, options)
    },
    claim: unlessAway(inner.claim),
    extend: unlessAway(inner.extend),
    settle: unlessAway(inner.settle),
    release: unlessAway(inner.release),
    invalidate: unlessAway(inner.invalidate),
    subscribe: inner.subscribe,
    close: inner.close,
  }
  return control
}

async function cold() {
  const shared = statesThatGo()
  const s3 = paidStore()
  const { store } = await fixture({
    resourceStates: shared.states,
    tiers: [
      { name: 'disk', store: memoryStore({ name: 'disk' }), capacityBytes: 4_000 * KiB },
      { name: 's3', store: s3.store, prices: PRICES },
    ],
    reads: { cacheBytes: 0 },
    tiering: { rules: [{ name: 'all', match: {}, tiers: ['s3'] }] },
  })
  const bytes = randomBytes(300 * KiB)
  const media = await store.put(bytes)
  s3.attempts.length = 0
  return { shared, s3, store, bytes, media }
}

const isReady = (store: Awaited<ReturnType<typeof cold>>['store'], id: string): Promise<void> =>
  vi.waitFor(async () => expect((await store.availability(id)).state).toBe('ready'))

it('without the shared states availability() and locate() answer from the catalog', async () => {
  const { store, media } = await cold()
  expect(await store.availability(media.id)).toMatchObject({ state: 'cold', tier: 's3' })
  expect((await store.locate(media.id)).availability.state).toBe('cold')
  expect(await store.availability({ key: 'nothing' })).toEqual({ state: 'missing' })
})

it('locate() gives shared states what remains of their time, and answers by the catalog when they take longer', async () => {
  const { shared, store, media } = await cold()
  shared.isAway = false
  await store.locate(media.id)
  await store.locate(media.id, { statesWithinMs: 40 })
  await store.locate(media.id, { statesWithinMs: 0 })
  const [asLongAsItTakes, less, none] = shared.reads
  expect([asLongAsItTakes, none]).toEqual([{}, { withinMs: 0 }])
  expect(less?.withinMs).toBeLessThanOrEqual(40)
  shared.isAway = true
  expect((await store.locate(media.id, { statesWithinMs: 40 })).availability.state).toBe('cold')
})

it('without the shared states a cold media is streamed, waited for, and loaded once for all who ask here', async () => {
  const { store, s3, media, bytes } = await cold()
  expect((await bytesOf(store, media.id)).equals(bytes)).toBe(true)
  expect(s3.count('get')).toBe(1)
  const all = await Promise.all(
    Array.from({ length: 20 }, async () =>
      (await store.open(media.id, { cold: 'wait' })).bytes({ maxBytes: 1e6 }),
    ),
  )
  for (const one of all) expect(Buffer.from(one).equals(bytes)).toBe(true)
  expect(s3.count('get')).toBe(2)
  await isReady(store, media.id)
})

it('without the shared states warm() loads once, and a load that failed is not begun again at once', async () => {
  const { store, s3, media } = await cold()
  s3.isDown = true
  await store.warm(media.id)
  await vi.waitFor(async () => expect((await store.availability(media.id)).state).toBe('failed'))
  const asked = s3.attempts.length
  await store.warm(media.id)
  expect(s3.attempts.length).toBe(asked)
})

it('a load that began without the shared states ends well when they are back, and one that began with them when they go', async () => {
  const { shared, store, media, bytes } = await cold()
  const warming = store.warm(media.id)
  shared.isAway = false
  await warming
  await isReady(store, media.id)
  const other = await store.put(randomBytes(100 * KiB))
  const reader = store.open(other.id, { cold: 'wait' })
  shared.isAway = true
  await (await reader).bytes({ maxBytes: 1e6 })
  await isReady(store, other.id)
  expect((await bytesOf(store, media.id)).equals(bytes)).toBe(true)
})

it('without the shared states full tiers are relieved, and media are put, changed and deleted', async () => {
  const shared = statesThatGo()
  const { store } = await fixture({
    resourceStates: shared.states,
    tiers: [
      { name: 'disk', store: memoryStore({ name: 'disk' }), capacityBytes: 200 * KiB },
      { name: 's3', store: paidStore().store, prices: PRICES },
    ],
    tiering: { burst: { holdMs: 0 } },
  })
  const all = new Map<string, Buffer>()
  for (let n = 0; n < 15; n++) {
    const bytes = randomBytes(20 * KiB)
    all.set((await store.put(bytes)).id, bytes)
  }
  for await (const _ of store.tiers.apply()) continue
  const [disk] = await store.tiers.status()
  expect(disk?.volumes[0]?.storedBytes).toBeLessThanOrEqual(180 * KiB)
  for (const [id, bytes] of all) expect((await bytesOf(store, id)).equals(bytes)).toBe(true)
  const [first] = all.keys()
  await store.update(first ?? '', { visibility: 'public' })
  await store.delete(first ?? '')
  expect(await store.availability(first ?? '')).toEqual({ state: 'missing' })
})

it('health() tells shared states that are away, which makes a store degraded, not down', async () => {
  const { shared, store } = await cold()
  expect(await store.health()).toMatchObject({
    status: 'degraded',
    checks: { states: { status: 'degraded', detail: 'states-unreachable' } },
  })
  shared.isAway = false
  expect(await store.health()).toMatchObject({ status: 'ok', checks: { states: { status: 'ok' } } })
  const { store: alone } = await fixture()
  expect((await alone.health()).checks).not.toHaveProperty('states')
})

it('shared states are closed with the store, and with one that does not open', async () => {
  const { states } = statesThatGo()
  const close = vi.fn<ResourceStates['close']>(states.close)
  const broken = memoryCatalog()
  await expect(
    createMediaStore({
      tiers: [{ name: 'memory', store: memoryStore() }],
      catalog: { ...broken, open: () => Promise.reject(new Error('it does not open')) },
      resourceStates: { ...states, close },
    }),
  ).rejects.toThrow('it does not open')
  expect(close).toHaveBeenCalledTimes(1)
})
