import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect } from 'vitest'
import { MiB } from '../bytes/sizes.ts'
import type { JsonObject } from '../contracts/bytes.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { CreateUpload } from '../contracts/uploads.ts'
import { createMediaStore, type MediaStoreOptions } from '../media-store/index.ts'
import { memoryCatalog } from '../memory/catalog/index.ts'
import { createMemoryVolume, memoryStore } from '../memory/object-store/index.ts'
import { systemClock } from '../time/clock.ts'

/* A store in memory for each test, and uploads to it. */

export const body = (bytes: number): Buffer => randomBytes(bytes)
export const tus = (sizeBytes: number, more: Partial<CreateUpload> = {}): CreateUpload => ({
  door: 'tus',
  owner: 'ann',
  filename: 'a.bin',
  sizeBytes,
  ...more,
})

type Volume = ReturnType<typeof createMemoryVolume>

/** That of the test that runs. */
export let store: MediaStore
export let catalog: ReturnType<typeof memoryCatalog>
export let volume: Volume

/** One more over the same volume and catalog. */
export const open = (options: Partial<MediaStoreOptions> = {}): Promise<MediaStore> =>
  createMediaStore({
    tiers: [{ name: 'home', store: memoryStore({ volume }) }],
    catalog,
    policies: [{ match: '*', allowUnrecognised: true }],
    upkeep: { intervalMs: 0 },
    ...options,
  })

/** Another store, of other options, with nothing in it. */
export async function openAnew(
  options: Partial<MediaStoreOptions> | ((volume: Volume) => Partial<MediaStoreOptions>),
): Promise<void> {
  await store.close()
  await begin(options)
}

async function begin(
  options: Partial<MediaStoreOptions> | ((volume: Volume) => Partial<MediaStoreOptions>) = {},
): Promise<void> {
  volume = createMemoryVolume({ maxBytes: 512 * MiB, clock: systemClock })
  catalog = memoryCatalog()
  store = await open(typeof options === 'function' ? options(volume) : options)
}
beforeEach(() => begin())
afterEach(() => store.close())

/** Compared as a whole: told byte by byte, a difference of megabytes takes minutes. */
export async function expectBytes(id: string, bytes: Buffer): Promise<void> {
  await using reader = await store.open(id)
  expect(bytes.equals(await reader.bytes({ maxBytes: 64 * MiB }))).toBe(true)
}
export async function breaking(bytes: Buffer): Promise<Readable> {
  return Readable.from(
    (async function* () {
      yield bytes
      throw new Error('the line broke')
    })(),
    { objectMode: false },
  )
}

/** As a process leaves an upload that is killed while it writes: marked, and still leased for a moment. */
export async function dieWriting(id: string): Promise<void> {
  const { mediaId } = (await store.uploads.get(id)) ?? { mediaId: '' }
  const { fence, declared } = await catalog.claimSession(mediaId, { leaseMs: 30, force: true })
  const upload = { ...(declared['upload'] as JsonObject), isWriting: true }
  await catalog.extendSession({ id: mediaId, fence }, { leaseMs: 30, declared: { ...declared, upload } })
}
