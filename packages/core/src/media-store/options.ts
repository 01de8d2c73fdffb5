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

/** Bounds of what may be under way at once. */
export interface LimitOptions {
  /** More uploads are MEDIA_BUSY before their body is read. Default 256. */
  readonly maxUploadsInFlight?: number
  /** Largest body, whatever a policy says. Default 64 GiB. */
  readonly maxBodyBytes?: number
  /** Bodies up to this size are held in memory while they are hashed, all together up to 64 MiB; others are staged. Default 1 MiB. */
  readonly memoryBodyBytes?: number
  /**
   * What the media of an owner may take together, each counted whole, in bytes: reserved before a body comes, so that uploads side by
   * side never pass it. A number for every owner, or a function; `undefined`: no limit. Default: none.
   */
  readonly ownerBytes?: number | ((owner: string, namespace: string) => number | undefined)
  /** Uploads in pieces that an owner may have open at once in a namespace. Default 100. */
  readonly maxOpenUploads?: number
}

export interface ReadOptions {
  /** Memory for verified small objects. Default 64 MiB; 0 turns the cache off. */
  readonly cacheBytes?: number
  /**
   * How long bytes of a file that has not changed count as verified, in milliseconds. Default 60,000.
   * 0: every read is verified anew.
   */
  readonly verifiedForMs?: number
}

export interface UpkeepOptions {
  /** Pause between rounds in the background. Default 10 minutes; 0: the host calls `upkeep` itself. */
  readonly intervalMs?: number
  /** How long bytes stay after their last reference went. Default 1 hour. */
  readonly garbageGraceMs?: number
  /**
   * Share of all objects that a collection may free at once, from 1,000 on, before it brakes. Default 0.2. For stores that
   * replace most of what they hold within `garbageGraceMs`; 1 turns the brake off.
   */
  readonly maxGarbageRatio?: number
  /** Every copy is read and compared again in the background this long after it was last. Default 30 days; 0: never. */
  readonly verifyEveryMs?: number
  /** Bytes a second that verifying in the background reads. Default 16 MiB. */
  readonly verifyBytesPerSecond?: number
}

/** The whole composition. Stores, catalog and keys are built by the host and closed by the store. */
export interface MediaStoreOptions {
  /** Nearest first; at least one `home` tier. */
  readonly tiers: readonly TierOptions[]
  readonly catalog: Catalog
  /** Signs addresses. Default: a random key, so that signed addresses end with the process. */
  readonly keys?: KeyRing
  /** What is taken, first match wins. Default: images, video, audio, PDF, plain text, and opaque bytes. */
  readonly policies?: readonly MediaPolicy[]
  /** Equal bytes are stored once in the whole store, or once per namespace (no namespace can then learn what another has). Default `store`. */
  readonly dedupe?: 'store' | 'namespace'
  /** Where `mediaRouter` is mounted, for `url()`: absolute, for instance `https://example.com/media`. */
  readonly publicBaseUrl?: string | URL
  /**
   * Live copies on different home volumes that every blob should have. A put makes them before it is answered; where a volume
   * is away or full it is answered with those there are, and `upkeep.repair` makes the rest. Default 1.
   */
  readonly minCopies?: number
  /**
   * Which of several hosts that share one catalog this is: volumes that are not shared belong to it, and those of others are never
   * taken for its own. Needed where several hosts do. Default: there is one host.
   */
  readonly hostId?: string
  /** Looks at bytes before anybody may read them. Closed by the store. Default: none. */
  readonly scanner?: Scanner
  readonly scanning?: ScanningOptions
  /** Rules, bursts, promotion, budget: what goes where, when, and for how much. */
  readonly tiering?: TieringOptions
  /** What hosts share about loads under way. Default: in this process. Closed by the store. */
  readonly resourceStates?: ResourceStates
  readonly limits?: LimitOptions
  readonly reads?: ReadOptions
  readonly upkeep?: UpkeepOptions
  readonly observer?: Observer
  readonly clock?: Clock
  /** Life of an upload session. Default 10 minutes, extended while bytes arrive. */
  readonly sessionTtlMs?: number
}
