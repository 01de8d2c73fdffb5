import { expect, it, vi } from 'vitest'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'
import { createStateTable, memoryStates } from '../state/index.ts'
import { fixture, keys, small } from './store.fixture.ts'

it('locate() gives the record, that it is ready, and where its bytes lie', async () => {
  const { store, objects } = await fixture()
  const media = await store.put(small, { filename: 'a.txt', at: { key: 'notes/a' } })
  const [objectKey] = await keys(objects)

  const found = await store.locate({ key: 'notes/a' })

  expect(found.media).toEqual(media)
  expect(found.availability).toMatchObject({ state: 'ready', tier: 'memory' })
  expect(found.place).toMatchObject({ tier: 'memory', objectKey })
})

it('locate() calls missing what the catalog does not know, and gives it no place', async () => {
  const { store } = await fixture()

  const found = await store.locate({ key: 'nothing' })

  expect(found).toMatchObject({ media: undefined, availability: { state: 'missing' } })
  expect(found).not.toHaveProperty('place')
})

it('watch() tells a name of the location when the media is put, changed, replaced and deleted', async () => {
  const { store } = await fixture()
  const told = vi.fn<(names: readonly string[]) => void>()
  store.watch(told, { onGap: () => {} })
  const isTold = async (act: () => Promise<unknown>): Promise<boolean> => {
    const { names } = await store.locate({ key: 'a' })
    told.mockClear()
    await act()
    return told.mock.calls.some(([changed]) => changed.some((name) => names.includes(name)))
  }

  expect(await isTold(() => store.put(small, { filename: 'a.txt', at: { key: 'a' } }))).toBe(true)
  expect(await isTold(() => store.update({ key: 'a' }, { visibility: 'public' }))).toBe(true)
  expect(await isTold(() => store.put(Buffer.from('other'), { filename: 'a.txt', at: { key: 'a' } }))).toBe(
    true,
  )
  expect(await isTold(() => store.put(small, { filename: 'b.txt', at: { key: 'b' } }))).toBe(false)
  expect(await isTold(() => store.delete({ key: 'a' }))).toBe(true)
})

it('watch() tells of what another store did that shares its states', async () => {
  const table = createStateTable()
  const catalog = memoryCatalog()
  const tiers = [{ name: 'memory', store: memoryStore() }]
  const shared = () => ({ resourceStates: memoryStates({ table }), catalog, tiers })
  const [here, there] = [await fixture(shared()), await fixture(shared())]
  const { id } = await here.store.put(small, { filename: 'a.txt' })
  const { names } = await here.store.locate(id)
  const told = vi.fn<(names: readonly string[]) => void>()
  const stop = here.store.watch(told, { onGap: () => {} })

  await there.store.delete(id)

  expect(told.mock.calls.flat(2)).toEqual(expect.arrayContaining([expect.toBeOneOf([...names])]))
  stop()
})
