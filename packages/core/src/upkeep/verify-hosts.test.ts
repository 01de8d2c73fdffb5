import { afterEach, expect, it } from 'vitest'
import type { MediaStore, VerifyProgress } from '../contracts/media-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { createMediaStore } from '../media-store/index.ts'
import { bytesOf, large } from '../media-store/store.fixture.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { memoryStore } from '../memory/object-store/index.ts'

const opened: MediaStore[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

/** A disk that fails to read while it is told to. */
function disk(name: string) {
  const state = { isReadable: true }
  const store = memoryStore({ name })
  const fail = <Args extends readonly unknown[], Result>(read: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      if (state.isReadable) return read(...args)
      throw new MediaError('MEDIA_UNAVAILABLE', `${name}: the disk fails to read`, { reason: 'io-error' })
    }
  }
  const { openFile } = store
  const failing = {
    ...store,
    get: fail(store.get.bind(store)),
    ...(openFile === undefined ? {} : { openFile: fail(openFile.bind(store)) }),
  }
  return { state, store: failing }
}

async function host(
  hostId: string,
  shared: ReturnType<typeof createMemoryTables>,
  names: readonly string[],
  minCopies = 1,
) {
  const disks = names.map((name) => disk(`${name} of ${hostId}`))
  const catalog = memoryCatalog({ tables: shared })
  const store = await createMediaStore({
    hostId,
    minCopies,
    tiers: disks.map(({ store: objects }, index) => ({ name: names[index] ?? '', store: objects })),
    catalog,
    reads: { cacheBytes: 0, verifiedForMs: 0 },
    upkeep: { intervalMs: 0 },
  })
  opened.push(store)
  return { store, disks, catalog }
}

async function repaired(store: MediaStore): Promise<VerifyProgress['damaged']> {
  const all: VerifyProgress['damaged'][number][] = []
  for await (const { damaged } of store.upkeep.verify({ repair: true })) all.push(...damaged)
  return all
}

it('a copy that cannot be read here is not given up for a good one that only another host reaches', async () => {
  const shared = createMemoryTables()
  const here = await host('here', shared, ['disk'])
  const there = await host('there', shared, ['disk'])
  const media = await here.store.put(large)
  const theirs = await there.store.put(large)
  expect(theirs.digest).toBe(media.digest)
  const blobId = (await here.catalog.get('default', media.id))?.content.blobId ?? ''
  const states = async (): Promise<unknown> =>
    (await here.catalog.copiesOf(blobId))?.placements.map(({ state }) => state)
  expect(await states(), 'one on each host').toEqual(['live', 'live'])

  const [own] = here.disks
  if (own === undefined) throw new Error('there is no disk')
  own.state.isReadable = false
  expect(await repaired(here.store)).toMatchObject([{ blobId, fault: 'unreadable', repaired: false }])
  expect(await states()).toEqual(['live', 'live'])
  expect(await repaired(there.store), 'nothing is wrong there').toEqual([])

  own.state.isReadable = true
  expect(large.equals(await bytesOf(here.store, media.id))).toBe(true)
  expect(await repaired(here.store)).toEqual([])
})

it('a copy that cannot be read here is given up for a good one on another disk of this host', async () => {
  const { store, disks, catalog } = await host('here', createMemoryTables(), ['first', 'second'], 2)
  const media = await store.put(large)
  const blobId = (await catalog.get('default', media.id))?.content.blobId ?? ''
  const [first] = disks
  if (first === undefined) throw new Error('there is no disk')
  first.state.isReadable = false
  expect(await repaired(store)).toMatchObject([{ blobId, fault: 'unreadable' }])
  const after = (await catalog.copiesOf(blobId))?.placements.map(({ state }) => state).sort()
  expect(after).toContain('bad')
  expect(large.equals(await bytesOf(store, media.id))).toBe(true)
})
