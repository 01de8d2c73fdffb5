import type { BlockPool } from '../cas/block-pool.ts'
import type { ReadCache } from '../cas/read-cache.ts'
import type { VerifyMemo } from '../cas/verify-memo.ts'
import type { KeyRing } from '../contracts/key-ring.ts'
import type { IngestContext } from '../ingest/context.ts'
import type { KeyedLock } from '../ingest/keyed-lock.ts'
import type { Activity } from './activity.ts'
import type { EventHub } from './events.ts'

/** What every namespace's view of one store shares. */
export interface Engine extends IngestContext {
  readonly keys: KeyRing
  readonly activity: Activity
  readonly events: EventHub
  readonly digestLock: KeyedLock
  readonly cache: ReadCache
  readonly cacheObjectBytes: number
  readonly memo: VerifyMemo
  readonly pool: BlockPool
  readonly maxUploadsInFlight: number
  readonly garbageGraceMs: number
  /** The catalog's chunk sums of a blob, behind a small cache. */
  chunkSums(blobId: string): Promise<Uint8Array | undefined>
  readonly publicBaseUrl: URL | undefined
}
