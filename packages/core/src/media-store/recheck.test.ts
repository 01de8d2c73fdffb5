import { expect, it } from 'vitest'
import { memoryStore } from '../memory/object-store/index.ts'
import { PRICES, paidStore } from '../moves/paid-store.fixture.ts'
import { fixture, keys, small } from './store.fixture.ts'

it('recheck() gives up a copy that is gone from a cache, and the media can be loaded again', async () => {
  const cache = memoryStore({ name: 'cache' })
  const { store, events } = await fixture({
    tiers: [
      { name: 'cache', store: cache, role: 'cache' },
      { name: 's3', store: paidStore().store, prices: PRICES },
    ],
  })
  const { id } = await store.put(small, { filename: 'a.txt' })
  await store.warm(id)
  await expect.poll(async () => (await store.availability(id)).state).toBe('ready')
  for (const key of await keys(cache)) await cache.delete(key)
  expect((await store.locate(id)).place?.tier).toBe('cache')

  expect(await store.recheck(id)).toMatchObject({ state: 'cold', tier: 's3' })

  expect(events.filter(({ type }) => type === 'blob.corrupt')).toHaveLength(1)
  await store.warm(id)
  await expect.poll(async () => (await store.availability(id)).state).toBe('ready')
  expect(await store.recheck(id)).toMatchObject({ state: 'ready', tier: 'cache' })
  expect(events.filter(({ type }) => type === 'blob.corrupt')).toHaveLength(1)
})

it('recheck() tells of the last copy that it is gone, and never that the media is missing', async () => {
  const { store, objects } = await fixture()
  const { id } = await store.put(small, { filename: 'a.txt' })
  expect(await store.recheck(id)).toMatchObject({ state: 'ready' })
  for (const key of await keys(objects)) await objects.delete(key)

  expect(await store.recheck(id)).toMatchObject({ state: 'failed', reason: 'no-intact-copy' })

  expect(await store.stat(id)).toBeDefined()
})

it('recheck() gives up nothing of a store that cannot be asked', async () => {
  const s3 = paidStore()
  const { store } = await fixture({ tiers: [{ name: 's3', store: s3.store, prices: PRICES, serves: true }] })
  const { id } = await store.put(small, { filename: 'a.txt' })
  s3.isDown = true

  await store.recheck(id)

  s3.isDown = false
  expect(await store.recheck(id)).toMatchObject({ state: 'ready' })
})

it('recheck() of what the catalog does not know is missing', async () => {
  const { store } = await fixture()
  expect(await store.recheck({ key: 'nothing' })).toEqual({ state: 'missing' })
})

it('recheck() is told to all who watch', async () => {
  const { store, objects } = await fixture()
  const { id } = await store.put(small, { filename: 'a.txt' })
  const { names } = await store.locate(id)
  const told: string[] = []
  store.watch((changed) => told.push(...changed), { onGap: () => {} })
  for (const key of await keys(objects)) await objects.delete(key)

  await store.recheck(id)

  expect(told.some((name) => names.includes(name))).toBe(true)
})
