import { afterEach, expect, it } from 'vitest'
import { bytesSource } from '../bytes/source.ts'
import type { MediaStore, VerifyProgress } from '../contracts/media-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { createMediaStore } from '../media-store/index.ts'
import { bytesOf, keys, large } from '../media-store/store.fixture.ts'
import { createMemoryTables, memoryCatalog } from '../memory/catalog/index.ts'
import { type MemoryStore, memoryStore } from '../memory/object-store/index.ts'

const opened: MediaStore[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

/** A disk that fails to read, all of it or one object, while it is told to; or one host's way to a disk that others have too. */
function disk(name: string, store: MemoryStore = memoryStore({ name })) {
  const state: { isReadable: boolean; unreadable?: string | undefined } = { isReadable: true }
  const fail = <Args extends readonly [string, ...unknown[]], Result>(
    read: (...args: Args) => Promise<Result>,
  ) => {
    return async (...args: Args): Promise<Result> => {
      if (state.isReadable && state.unreadable !== args[0]) return read(...args)
      throw new MediaError('MEDIA_UNAVAILABLE', `${name}: the disk fails to read`, { reason: 'io-error' })
    }
  }
  const { openFile } = store
  const failing = {
    ...store,
    head: fail(store.head.bind(store)),
    get: fail(store.get.bind(store)),
    ...(openFile === undefined ? {} : { openFile: fail(openFile.bind(store)) }),
  }
  return { state, store: failing, bytes: store }
}

interface HostOptions {
  readonly minCopies?: number
  /** By tier; else disks of its own. */
  readonly stores?: readonly MemoryStore[]
  /** Takes the place of marking a copy, and may do it. */
  readonly markBad?: (mark: () => Promise<void>) => Promise<void>
}

async function host(
  hostId: string,
  shared: ReturnType<typeof createMemoryTables>,
  names: readonly string[],
  { minCopies = 1, stores = [], markBad }: HostOptions = {},
) {
  const disks = names.map((name, index) => disk(`${name} of ${hostId}`, stores[index]))
  const catalog = memoryCatalog({ tables: shared })
  const { markBad: mark } = catalog
  if (markBad !== undefined) catalog.markBad = (id) => markBad(() => mark(id))
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
  const { store, disks, catalog } = await host('here', createMemoryTables(), ['first', 'second'], {
    minCopies: 2,
  })
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

it.each([
  ['is damaged', 'content'],
  ['cannot be read either', 'unreadable'],
])('a copy that cannot be read is not given up for one that %s', async (_, fault) => {
  const { store, disks, catalog } = await host('here', createMemoryTables(), ['first', 'second'], {
    minCopies: 2,
  })
  const media = await store.put(large)
  const blobId = (await catalog.get('default', media.id))?.content.blobId ?? ''
  const [first, second] = disks
  if (first === undefined || second === undefined) throw new Error('there are not two disks')
  first.state.isReadable = false
  if (fault === 'unreadable') second.state.isReadable = false
  else
    for (const key of await keys(second.bytes))
      await second.bytes.put(key, bytesSource(Buffer.alloc(large.length, 7)))

  const found = await repaired(store)
  expect(found.map(({ repaired: isRepaired }) => isRepaired)).toEqual([false, false])
  expect(found.map(({ fault: one }) => one).sort()).toEqual([fault, 'unreadable'])
  const states = (await catalog.copiesOf(blobId))?.placements.map(({ state }) => state).sort()
  expect(states).toEqual(fault === 'unreadable' ? ['live', 'live'] : ['bad', 'live'])

  first.state.isReadable = true
  expect(large.equals(await bytesOf(store, media.id)), 'the trouble is over').toBe(true)
})

it('two hosts that each give up one of two copies at the same time leave one that is served', async () => {
  const shared = createMemoryTables()
  const stores = [memoryStore({ name: 'disk' })]
  let waiting = 0
  let go = (): void => {}
  const both = new Promise<void>((resolve) => {
    go = resolve
  })
  const markBad = async (mark: () => Promise<void>): Promise<void> => {
    if (++waiting === 2) go()
    await both
    await mark()
  }
  const here = await host('here', shared, ['disk'], { stores, markBad })
  const there = await host('there', shared, ['disk'], { stores, markBad })
  const [[ours], [theirs]] = [here.disks, there.disks]
  if (ours === undefined || theirs === undefined) throw new Error('there is no disk')
  const media = await here.store.put(large)
  theirs.state.isReadable = false
  await there.store.put(large) // cannot ask for the copy that is there, and writes its own
  theirs.state.isReadable = true
  const [first = '', second = ''] = await keys(ours.bytes)
  expect(second).not.toBe('')

  ours.state.unreadable = first
  theirs.state.unreadable = second
  await Promise.all([repaired(here.store), repaired(there.store)])
  expect(waiting, 'each gave one up').toBe(2)
  ours.state.unreadable = theirs.state.unreadable = undefined
  for (const { store } of [here, there]) expect(large.equals(await bytesOf(store, media.id))).toBe(true)
})
