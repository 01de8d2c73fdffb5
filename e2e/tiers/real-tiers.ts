import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { type BucketStore, s3Store } from '@mediakeep/adapters/s3'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import {
  awsPrices,
  createMediaStore,
  type MediaEvent,
  type MediaStore,
  type MediaStoreOptions,
  type ObjectStore,
} from '@mediakeep/core'
import { afterAll, beforeAll } from 'vitest'
import { missingServer, type ObjectServer, startMinio } from '../../scripts/lib/object-servers.mjs'
import { describeUnless } from '../describe-unless.ts'

export interface RealTiers {
  readonly folder: string
  readonly minio: ObjectServer
  readonly events: MediaEvent[]
  /** A folder of the bucket as a paid store, behind `endpoint` where one is given. */
  bucket(prefix: string, endpoint?: string): BucketStore
  open(options: Partial<MediaStoreOptions> & Pick<MediaStoreOptions, 'tiers'>): Promise<MediaStore>
  stop(): Promise<void>
}

/** A real MinIO, a folder, and stores over them; all of it goes with `stop`. */
async function startRealTiers(): Promise<RealTiers> {
  const folder = await mkdtemp(join(tmpdir(), 'mediakeep-tiers-'))
  const minio = await startMinio()
  const opened: MediaStore[] = []
  const events: MediaEvent[] = []
  const tiers: RealTiers = {
    folder,
    minio,
    events,
    bucket: (prefix, endpoint = minio.endpoint) =>
      s3Store({
        bucket: 'media',
        prefix,
        endpoint,
        region: minio.region,
        credentials: { accessKeyId: minio.accessKeyId, secretAccessKey: minio.secretAccessKey },
        paid: true,
        maxAttempts: 2,
        connectTimeoutMs: 1_000,
      }),
    async open(options) {
      const store = await createMediaStore({
        catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite') }),
        observer: (event) => events.push(event),
        upkeep: { intervalMs: 0, garbageGraceMs: 0 },
        ...options,
      })
      opened.push(store)
      return store
    },
    async stop() {
      await Promise.allSettled(opened.map((store) => store.close({ graceMs: 1_000 })))
      await minio.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
  await using set = tiers.bucket('set-up')
  await set.setUpBucket()
  return tiers
}

/** Tests over tiers that are started before them and stopped after them; skipped where there is no MinIO. */
export function describeRealTiers(
  title: string,
  tests: (real: () => RealTiers) => void,
  alsoMissing?: string,
): void {
  describeUnless(missingServer('minio') ?? alsoMissing, title, () => {
    let started: RealTiers | undefined
    beforeAll(async () => {
      started = await startRealTiers()
    })
    afterAll(() => started?.stop())
    tests(() => {
      if (started === undefined) throw new Error('the tiers are there from the first beforeAll on')
      return started
    })
  })
}

export const diskAt = (root: string): ObjectStore => fsStore({ root, stagingHeadRoomBytes: 8 * 1024 * 1024 })
export const prices = awsPrices('us-east-1')

/** Bodies whose digests are remembered and whose bytes are not. */
export interface Kept {
  readonly digests: Map<string, string>
  put(store: MediaStore, sizeBytes: number): Promise<string>
  /** @returns how many were read back whole; throws at the first that is not what it was. */
  readBack(store: MediaStore): Promise<number>
}

export function createKept(): Kept {
  const digests = new Map<string, string>()
  return {
    digests,
    async put(store, sizeBytes) {
      const bytes = opaqueBytes(sizeBytes)
      const digest = digestOf(bytes)
      const media = await store.put(bytes)
      digests.set(media.id, digest)
      return media.id
    },
    async readBack(store) {
      const all = [...digests]
      let read = 0
      await inParallel(all.length, 8, async (index) => {
        const [id, digest] = all[index] as [string, string]
        const reader = await store.open(id)
        const found = digestOf(await reader.bytes({ maxBytes: 1e9 }))
        if (found !== digest) throw new Error(`${id} has other bytes than were put`)
        read += 1
      })
      return read
    },
  }
}

/** Random, but for a beginning that is no type's signature: of 65,536 random bodies some are taken for something. */
export function opaqueBytes(sizeBytes: number): Buffer {
  const bytes = randomBytes(sizeBytes)
  bytes.fill(0xee, 0, Math.min(4, sizeBytes))
  return bytes
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Some at a time. */
export async function inParallel(
  count: number,
  lanes: number,
  act: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const index = next
      next += 1
      await act(index)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

export async function toEnd(progress: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of progress) continue
}

/** Of one tier. */
export async function usageOf(
  store: MediaStore,
  tier: string,
): Promise<{ readonly storedBytes: number; readonly objects: number; readonly reservedBytes: number }> {
  const found = (await store.tiers.status()).find(({ name }) => name === tier)?.volumes[0]
  if (found === undefined) throw new Error(`there is no tier ${tier}`)
  return found
}
