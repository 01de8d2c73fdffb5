import { expect, it } from 'vitest'
import type { Availability } from '../contracts/media.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { TieringOptions } from '../contracts/tiering.ts'
import { bytesOf, fixture } from '../media-store/store.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { createGenerations } from './generations.ts'
import { PRICES, paidStore } from './paid-store.fixture.ts'

/** Ahead of the clock of this machine, by which other ids are made: they never go back. */
const START_MS = Date.UTC(2100, 0, 1)
const DAY_MS = 86_400_000

interface Aged {
  readonly store: MediaStore
  pass(ms: number): void
  readyOf(id: string): Promise<Extract<Availability, { state: 'ready' }>>
}

async function aged(tiering: TieringOptions): Promise<Aged> {
  let nowMs = START_MS
  const clock = { now: () => nowMs, after: () => () => {} }
  const { store } = await fixture({
    clock,
    catalog: memoryCatalog({ clock }),
    tiers: [
      { name: 'disk', store: memoryStore({ name: 'disk', clock }) },
      { name: 's3', store: paidStore().store, prices: PRICES, serves: false },
    ],
    tiering,
    reads: { cacheBytes: 0 },
  })
  return {
    store,
    pass: (ms) => {
      nowMs += ms
    },
    async readyOf(id) {
      const found = await store.availability(id)
      if (found.state !== 'ready') throw new Error(`it is ${found.state}`)
      return found
    },
  }
}

async function loaded(store: MediaStore, id: string): Promise<void> {
  await using reader = await store.open(id, { cold: 'wait' })
  await reader.bytes({ maxBytes: 100 })
}

it('tells since when a media is ready, and when it was read last', async () => {
  const { store, pass, readyOf } = await aged({})
  const { id } = await store.put(Buffer.from('a'))
  expect(await readyOf(id)).toEqual({ state: 'ready', tier: 'disk', since: new Date(START_MS) })
  for (const ms of [1_000, 500]) {
    pass(ms)
    await bytesOf(store, id)
  }
  expect(await readyOf(id)).toEqual({
    state: 'ready',
    tier: 'disk',
    since: new Date(START_MS),
    lastReadAt: new Date(START_MS + 1_500),
  })
})

it('a copy that was loaded is ready since then, not since its content is there', async () => {
  const { store, pass, readyOf } = await aged({ rules: [{ name: 'all', match: {}, tiers: ['s3'] }] })
  const { id } = await store.put(Buffer.from('a'))
  expect((await store.availability(id)).state).toBe('cold')
  pass(DAY_MS)
  await loaded(store, id)
  expect((await readyOf(id)).since).toEqual(new Date(START_MS + DAY_MS))
})

it('tells until when a rule of age leaves it where it serves', async () => {
  const { store, pass, readyOf } = await aged({
    rules: [
      { name: 'kept', match: { owner: 'ann' }, tiers: ['disk'] },
      { name: 'week', match: { olderThanMs: 7 * DAY_MS }, tiers: ['s3'] },
      { name: 'day, large', match: { olderThanMs: DAY_MS, minBytes: 10 }, tiers: ['s3'] },
    ],
  })
  const [small, large, kept] = [
    await store.put(Buffer.from('a')),
    await store.put(Buffer.alloc(10)),
    await store.put(Buffer.from('b'), { owner: 'ann' }),
  ]
  expect((await readyOf(small.id)).until).toEqual(new Date(START_MS + 7 * DAY_MS + 1))
  expect((await readyOf(large.id)).until).toEqual(new Date(START_MS + DAY_MS + 1))
  expect((await readyOf(kept.id)).until).toBeUndefined()
  pass(DAY_MS + 1)
  for await (const _ of store.tiers.apply()) continue
  expect((await store.availability(large.id)).state).toBe('cold')
  expect((await readyOf(small.id)).tier).toBe('disk')
  // Its home is far by now: the copy that a reader has loaded stays as long as there is room.
  await loaded(store, large.id)
  expect((await readyOf(large.id)).until).toBeUndefined()
})

it('remembers reads of so many blobs, those read last', () => {
  const reads = createGenerations<number>(10)
  for (let n = 0; n < 30; n++) reads.set(`blob-${n}`, n)
  const known = Array.from({ length: 30 }, (_, n) => reads.get(`blob-${n}`)).filter(
    (atMs) => atMs !== undefined,
  )
  expect(known.length).toBeLessThanOrEqual(10)
  expect(known.slice(-5)).toEqual([25, 26, 27, 28, 29])
})
