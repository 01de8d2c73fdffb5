import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import {
  type Catalog,
  createMediaStore,
  createMemoryVolume,
  type MediaStore,
  memoryCatalog,
  memoryStore,
  type ObjectStore,
  type PortableMedia,
  systemClock,
} from '@mediakeep/core'
import { type Random, seededRandom } from '@mediakeep/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const LONG = process.env['MEDIAKEEP_LONG'] === '1'
const STEPS = LONG ? 6_000 : 400
const SEED = Number(process.env['MEDIAKEEP_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediakeep-rebuild-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

interface Parts {
  /** Opens the bytes again, as another process would. */
  objects(): ObjectStore
  /** A catalog of this name: kept, or fresh. */
  catalog(name: string): Catalog
}

const memory = (): Parts => {
  const volume = createMemoryVolume({ maxBytes: 1e9, clock: systemClock })
  return { objects: () => memoryStore({ volume }), catalog: () => memoryCatalog() }
}
const files = (): Parts => ({
  objects: () => fsStore({ root: join(folder, 'volume'), durability: 'none' }),
  catalog: (name) => sqliteCatalog({ file: join(folder, name) }),
})

const open = (parts: Parts, catalog: Catalog): Promise<MediaStore> =>
  createMediaStore({ catalog, tiers: [{ name: 'disk', store: parts.objects() }], upkeep: { intervalMs: 0 } })

/** Puts, replaces, changes, links and deletes by chance; collects and compacts now and then. */
async function work(store: MediaStore, random: Random, steps: number): Promise<void> {
  const pick = (count: number): number => Math.floor(random.next() * count)
  const views = [store, store.in('other')]
  const ids: string[][] = [[], []]
  for (let step = 0; step < steps; step++) {
    const at = pick(2)
    const view = views[at] ?? store
    const mine = ids[at] ?? []
    const id = mine[pick(mine.length)]
    const body = Buffer.alloc(1 + pick(70_000), `${pick(60)}`)
    const act = pick(20)
    if (act < 8 || id === undefined) {
      const named = pick(2) === 0 ? { at: { key: `folder/${pick(40)}` } } : {}
      const media = await view.put(body, { ...named, owner: `owner${pick(3)}`, tags: [`t${pick(5)}`] })
      if (!mine.includes(media.id)) mine.push(media.id)
    } else if (act < 11) await view.put(body, { at: id, filename: `naïve-${step}.txt`, metadata: { step } })
    else if (act < 14)
      await view.update(id, { tags: [`${step}`], visibility: 'public', owner: `new${pick(3)}` })
    else if (act < 15) await view.update(id, { key: pick(2) === 0 ? null : `key/${step}` })
    else if (act < 17) await view.link(id, { kind: 'recipe', target: `${pick(9)}` })
    else if (act < 18) await view.unlink(id, { kind: 'recipe', target: `${pick(9)}` })
    else {
      await view.delete(id)
      mine.splice(mine.indexOf(id), 1)
    }
    if (pick(100) === 0)
      for await (const _ of store.upkeep.collectGarbage({ graceMs: 0, force: true })) continue
    if (pick(100) === 0) for await (const _ of store.upkeep.compactJournals()) continue
  }
}

async function exported(catalog: Catalog): Promise<readonly PortableMedia[]> {
  const all: PortableMedia[] = []
  let cursor: string | undefined
  do {
    const page = await catalog.exportMedia({ limit: 500, ...(cursor === undefined ? {} : { cursor }) })
    all.push(...page.media)
    cursor = page.cursor
  } while (cursor !== undefined)
  return all.map((media) => ({
    ...media,
    links: [...media.links].sort((a, b) => (a.target < b.target ? -1 : 1)),
    placements: [...media.placements].sort((a, b) => (a.id < b.id ? -1 : 1)),
  }))
}

describe.each([
  ['memory', memory],
  ['files and SQLite', files],
])('a rebuilt catalog over %s', (_name, make) => {
  it(`equals the lost one after ${STEPS} random changes, seed ${SEED}`, {
    timeout: LONG ? 900_000 : 60_000,
  }, async () => {
    const parts = make()
    const lost = parts.catalog('lost.sqlite')
    const store = await open(parts, lost)
    await work(store, seededRandom(SEED), STEPS)
    const before = await exported(lost)
    await store.close()

    const catalog = parts.catalog('rebuilt.sqlite')
    const rebuilt = await open(parts, catalog)
    let told = { restored: 0, lostMedia: 0, damagedLines: 0 }
    for await (const progress of rebuilt.upkeep.rebuildCatalog()) told = progress
    expect(told).toMatchObject({
      restored: before.length,
      lostMedia: 0,
      damagedLines: 0,
      unreachableMedia: 0,
    })
    expect(await exported(catalog)).toEqual(before)
    for (const { id, namespace, blob } of before.slice(0, 50)) {
      const bytes = await (await rebuilt.in(namespace).open(id)).bytes({ maxBytes: 1e9 })
      expect(bytes.byteLength).toBe(blob.sizeBytes)
    }
    await rebuilt.close()
  })
})
