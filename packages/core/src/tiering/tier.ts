import type { ObjectStore } from '../contracts/object-store.ts'
import type { HintSource, ImportOptions, PriceTable } from '../contracts/tiering.ts'
import type { EvictionSetting } from '../eviction/index.ts'

/**
 * `home`: copies in the tier count as stored copies, for acknowledging a `put` and for garbage collection. `cache`: its copies never count.
 * `external`: a store of another program. It is only read, and never written to or cleaned; its objects become media by an import.
 */
export type TierRole = 'home' | 'cache' | 'external'

/** One tier: an object store with a role and limits. In a list of tiers the first is the nearest. */
export interface TierOptions {
  readonly name: string
  readonly store: ObjectStore
  /** Default `home`. */
  readonly role?: TierRole
  /** Limit for the bytes stored and reserved on the volume. Default: no limit but the store's own. */
  readonly capacityBytes?: number
  /** Share of `capacityBytes` from which on the tier is full, until it is below the low watermark. Default 0.9. */
  readonly highWatermarkRatio?: number
  /** Share of `capacityBytes` down to which a full tier is relieved. Default 0.8. */
  readonly lowWatermarkRatio?: number
  /**
   * Prices of its requests, bytes and storage, for plans and costs. Ledger and budget count only requests to a store that is `paid`
   * (`s3Store` without an endpoint, and others with `paid: true`). Default: all 0.
   */
  readonly prices?: PriceTable
  /** Whether media with a copy here are `ready`; other media are `cold` until they are loaded. Default: true for unpaid tiers, or for all if all are paid. */
  readonly serves?: boolean
  /**
   * Readers may be given signed URLs of its object store (`url(ref, { direct: true })`), by which they read without any check of this store.
   * Default false.
   */
  readonly directUrls?: boolean
  /**
   * For an `external` tier: how its objects become media. The tier is then reconciled in the background; without it only by
   * `tiers.reconcile`.
   */
  readonly imports?: ImportOptions
  /**
   * A source of change notifications, such as `listen` of a MinIO store. It is followed in the background, and restarted when it ends or
   * fails. For an `external` tier with `imports` it keeps the media up to date; for any other it completes `direct` uploads when their object
   * has arrived.
   */
  readonly hints?: HintSource
  /**
   * Which copies a full tier drops first. Default `balanced`. Use `bytes` if reading from the next tier is paid by the byte, `requests` if
   * each request is paid.
   */
  readonly eviction?: EvictionSetting
}
