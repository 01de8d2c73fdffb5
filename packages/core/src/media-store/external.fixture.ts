import type { Media } from '../contracts/media.ts'
import type { MediaStore } from '../contracts/media-store.ts'
import type { MediaEvent } from '../contracts/observer.ts'
import type { ImportOptions, ImportProgress, ReconcileProgress } from '../contracts/tiering.ts'
import { type ForeignBucket, type ForeignOptions, foreignBucket } from '../external/foreign-bucket.fixture.ts'
import { type MemoryStore, memoryStore } from '../memory/object-store/index.ts'
import type { MediaStoreOptions } from './options.ts'
import { fixture } from './store.fixture.ts'

export const TIER = 'theirs'

export interface WithForeign {
  readonly store: MediaStore
  readonly disk: MemoryStore
  readonly bucket: ForeignBucket
  readonly events: MediaEvent[]
}

/** A store with a disk of its own and a bucket that is not ours. */
export async function withForeign(
  options: Partial<MediaStoreOptions> & {
    readonly foreign?: ForeignOptions
    readonly imports?: ImportOptions
    readonly capacityBytes?: number
    readonly bucket?: ForeignBucket
    readonly disk?: MemoryStore
  } = {},
): Promise<WithForeign> {
  const { foreign, imports, capacityBytes, bucket = foreignBucket(foreign), ...rest } = options
  const { disk = memoryStore({ name: 'disk' }), ...given } = rest
  const { store, events } = await fixture({
    tiers: [
      { name: 'disk', store: disk, ...(capacityBytes === undefined ? {} : { capacityBytes }) },
      { name: TIER, store: bucket.store, role: 'external', ...(imports === undefined ? {} : { imports }) },
    ],
    ...given,
  })
  return { store, disk, bucket, events }
}

/** The last progress, with all keys that were refused. */
export async function imported(
  store: MediaStore,
  options: Partial<Parameters<MediaStore['tiers']['importObjects']>[0]> = {},
): Promise<ImportProgress> {
  return lastOf(store.tiers.importObjects({ tier: TIER, ...options }))
}

export async function reconciled(
  store: MediaStore,
  options: Partial<Parameters<MediaStore['tiers']['reconcile']>[0]> = {},
): Promise<ReconcileProgress> {
  return lastOf(store.tiers.reconcile({ tier: TIER, ...options }))
}

async function lastOf<T extends ImportProgress>(progress: AsyncIterable<T>): Promise<T> {
  let last: T | undefined
  const refusedKeys: string[] = []
  for await (const now of progress) {
    refusedKeys.push(...now.refusedKeys)
    last = now
  }
  if (last === undefined) throw new Error('there was no progress')
  return { ...last, refusedKeys }
}

export async function mediaAt(store: MediaStore, key: string): Promise<Media> {
  const media = await store.stat({ key })
  if (media === undefined) throw new Error(`there is no media ${key}`)
  return media
}

export async function keysOf(store: MediaStore): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.listAll()) keys.push(key ?? '')
  return keys.sort()
}

export async function untilTrue(check: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    if (await check()) return
    await new Promise((resolve) => setImmediate(resolve))
  }
  throw new Error('it never became so')
}
