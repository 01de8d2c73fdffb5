import { afterEach, expect, it } from 'vitest'
import type { Catalog } from '../contracts/catalog.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import { PHONE_FACTS, phoneExif } from '../inspect/images/exif.fixture.ts'
import { png, pngChunk, pngData, pngHeader } from '../inspect/samples.fixture.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, memoryStore } from '../memory/object-store/index.ts'
import { systemClock } from '../time/clock.ts'
import { createMediaStore } from './create.ts'

const PHOTO = png(pngHeader(31, 17), pngChunk('eXIf', phoneExif()), pngData(31, 17))
const FACTS = { width: 17, height: 31, orientation: 6, ...PHONE_FACTS }

const stores: MediaStore[] = []
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close()
})

async function open(objects: ObjectStore, catalog: Catalog): Promise<MediaStore> {
  const tiers = [{ name: 'disk', store: objects }]
  const store = await createMediaStore({ catalog, tiers, upkeep: { intervalMs: 0 } })
  stores.push(store)
  return store
}

it('facts are of the bytes: all records of one blob tell them, and a rebuilt catalog tells them again', async () => {
  const volume = createMemoryVolume({ maxBytes: 1e8, clock: systemClock })
  const store = await open(memoryStore({ volume }), memoryCatalog())
  const first = await store.put(PHOTO, { filename: 'a.png' })
  const second = await store.put(PHOTO, { filename: 'b.png', owner: 'bob' })
  expect(first).toMatchObject(FACTS)
  expect(second).toMatchObject(FACTS)
  expect(JSON.stringify([first, second])).not.toContain('latitude')
  expect(Object.isFrozen(first.camera)).toBe(true)
  await store.close()

  const again = await open(memoryStore({ volume }), memoryCatalog())
  for await (const _progress of again.upkeep.rebuildCatalog());
  expect(await again.stat(first.id)).toMatchObject(FACTS)
  expect(await again.stat(second.id)).toMatchObject(FACTS)
})
