import type { BlockPool } from '../cas/block-pool.ts'
import type { KeyRing } from '../contracts/key-ring.ts'
import type { ResourceStates } from '../contracts/resource-states.ts'
import type { External } from '../external/index.ts'
import type { Tiers } from '../moves/index.ts'
import type { KeyedLock } from '../time/keyed-lock.ts'
import type { UpkeepContext } from '../upkeep/context.ts'
import type { UploadContext } from '../uploads/context.ts'
import type { Activity } from './activity.ts'
import type { EventHub } from './events.ts'

/** What every namespace's view of one store shares. */
export interface Engine extends UpkeepContext {
  readonly states: ResourceStates
  /** What `states` are made of, where other processes share them: for health, which tells when they are away. */
  readonly sharedStates?: ResourceStates
  readonly keys: KeyRing
  readonly tiers: Tiers
  readonly external: External
  readonly activity: Activity
  readonly events: EventHub
  readonly digestLock: KeyedLock
  readonly uploads: UploadContext
  readonly cacheObjectBytes: number
  readonly pool: BlockPool
  readonly maxUploadsInFlight: number
  /** The catalog's chunk sums of a blob, behind a small cache. */
  chunkSums(blobId: string): Promise<Uint8Array | undefined>
  readonly publicBaseUrl: URL | undefined
}
