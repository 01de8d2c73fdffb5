import type { Catalog } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { KeyRing } from '../contracts/key-ring.ts'
import type { Observer } from '../contracts/observer.ts'
import type { MediaPolicy } from '../contracts/policy.ts'
import type { ResourceStates } from '../contracts/resource-states.ts'
import type { Scanner } from '../contracts/scanner.ts'
import type { ScanningOptions } from '../contracts/scanning.ts'
import type { TieringOptions } from '../contracts/tiering.ts'
import type { TierOptions } from '../tiering/tier.ts'

/** Limits on uploads and on what owners may store. */
export interface LimitOptions {
  /** Uploads at the same time. Further ones fail with MEDIA_BUSY before their body is read. Default 256. */
  readonly maxUploadsInFlight?: number
  /** Largest body, whatever a policy says. Default 64 GiB. */
  readonly maxBodyBytes?: number
  /** Bodies up to this size are held in memory while they arrive, up to 64 MiB for all together; larger ones go to a staging file. Default 1 MiB. */
  readonly memoryBodyBytes?: number
  /**
   * Quota of an owner in bytes: the sum of the sizes of all their media, shared bytes counted each time. It is reserved before a body
   * arrives, so that concurrent uploads cannot exceed it. A number for every owner, or a function; `undefined` is no limit. Default: no limit.
   */
  readonly ownerBytes?: number | ((owner: string, namespace: string) => number | undefined)
  /** Resumable uploads that an owner may have open at the same time in a namespace. Default 100. */
  readonly maxOpenUploads?: number
}

export interface ReadOptions {
  /** Memory for verified small objects. Default 64 MiB; 0 turns the cache off. */
  readonly cacheBytes?: number
  /**
   * How long the bytes of an unchanged file count as verified, in milliseconds. Default 60,000.
   * 0: every read is verified again.
   */
  readonly verifiedForMs?: number
}

export interface UpkeepOptions {
  /** Pause between rounds of upkeep in the background. Default 10 minutes; 0: no rounds, the application calls `upkeep` itself. */
  readonly intervalMs?: number
  /** How long bytes are kept after their last reference is gone. Default 1 hour. */
  readonly garbageGraceMs?: number
  /**
   * A collection that would free more than this share of all objects (of 1,000 or more) stops before it deletes anything. Default 0.2.
   * Raise it for stores that replace most of their media within `garbageGraceMs`; 1 turns the check off.
   */
  readonly maxGarbageRatio?: number
  /** How long after its last verification each copy is read and verified again in the background. Default 30 days; 0: never. */
  readonly verifyEveryMs?: number
  /** Rate at which verification in the background reads, in bytes a second. Default 16 MiB. */
  readonly verifyBytesPerSecond?: number
}

/** The parts and settings of a media store. The application creates the object stores and the catalog; the media store closes them. */
export interface MediaStoreOptions {
  /** Nearest first; at least one `home` tier. */
  readonly tiers: readonly TierOptions[]
  readonly catalog: Catalog
  /** Keys that sign URLs. Default: one random key, so that signed URLs are invalid after the process has ended. */
  readonly keys?: KeyRing
  /** Which bodies are accepted; the first match decides. Default: images, video, audio, PDF, plain text, and opaque bytes. */
  readonly policies?: readonly MediaPolicy[]
  /** Whether equal bytes are stored once in the whole store or once per namespace, so that no namespace can learn what another has. Default `store`. */
  readonly dedupe?: 'store' | 'namespace'
  /** Where `mediaRouter` is mounted, for `url()`: absolute, for instance `https://example.com/media`. */
  readonly publicBaseUrl?: string | URL
  /**
   * How many copies, on different home volumes, every blob should have. A `put` makes them before it resolves. If a volume is offline or full,
   * it resolves with the copies that could be made, and `upkeep.repair` makes the others. Default 1.
   */
  readonly minCopies?: number
  /**
   * Name of this host among several that share one catalog. Volumes that are not shared belong to one host, and only that host uses them.
   * Required when several hosts share a catalog. Default: there is one host.
   */
  readonly hostId?: string
  /** Scans bytes before anybody may read them. Closed by the media store. Default: none. */
  readonly scanner?: Scanner
  readonly scanning?: ScanningOptions
  /** Rules, bursts, promotion and budget: which tier media go to, when, and at what cost. */
  readonly tiering?: TieringOptions
  /** What processes share about loads in progress. Default: not shared. Closed by the media store. */
  readonly resourceStates?: ResourceStates
  readonly limits?: LimitOptions
  readonly reads?: ReadOptions
  readonly upkeep?: UpkeepOptions
  readonly observer?: Observer
  readonly clock?: Clock
  /** Lifetime of an upload session, extended while bytes arrive. Default 10 minutes. */
  readonly sessionTtlMs?: number
}
