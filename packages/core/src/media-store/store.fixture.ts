import { randomBytes } from 'node:crypto'
import { afterEach, expect } from 'vitest'
import type { MediaStore } from '../contracts/media-store.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { type MemoryStore, memoryStore } from '../memory/object-store/index.ts'
import { createMediaStore } from './create.ts'
import type { MediaStoreOptions } from './options.ts'

const opened: MediaStore[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

export interface Fixture {
  readonly store: MediaStore
  readonly objects: MemoryStore
  readonly events: MediaEvent[]
}

/** A store in memory that is closed after the test. */
export async function fixture(options: Partial<MediaStoreOptions> = {}): Promise<Fixture> {
  const objects = memoryStore()
  const events: MediaEvent[] = []
  const store = await createMediaStore({
    tiers: [{ name: 'memory', store: objects }],
    catalog: memoryCatalog(),
    observer: (event) => events.push(event),
    publicBaseUrl: 'https://media.example/media',
    upkeep: { intervalMs: 0 },
    ...options,
  })
  opened.push(store)
  return { store, objects, events }
}

/** Physical keys that hold bytes. */
export const keys = async (objects: MemoryStore): Promise<string[]> =>
  (await objects.list()).objects.map(({ key }) => key)
export const bytesOf = async (store: MediaStore, ref: Parameters<MediaStore['open']>[0]): Promise<Buffer> =>
  Buffer.from(await (await store.open(ref)).bytes({ maxBytes: 1e9 }))

/** Nothing of a put that failed is left: no record, no object, no staged byte, no session, no reservation. */
export async function expectNothing({ store, objects }: Fixture): Promise<void> {
  expect((await store.list()).items).toEqual([])
  expect(await keys(objects)).toEqual([])
  expect(objects.staging?.usedBytes).toBe(0)
  expect(await store.uploads.list()).toEqual([])
  for (const { volumes } of await store.tiers.status())
    for (const { reservedBytes } of volumes) expect(reservedBytes).toBe(0)
}

/** Of no type that is known: what only begins like one would be refused. */
export const noise = (sizeBytes: number): Buffer => randomBytes(sizeBytes).fill(0xee, 0, 4)

export const small: Buffer = Buffer.from('a small note')
export const large: Buffer = randomBytes(3_000_001)
