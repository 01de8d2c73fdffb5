import type { ObjectStore } from '../contracts/object-store.ts'
import type { HintSource, ImportOptions, PriceTable } from '../contracts/tiering.ts'
import type { EvictionSetting } from '../eviction/index.ts'

/**
 * What a tier counts for. `home`: its copies count for acknowledgement and garbage collection. `cache`: they never do.
 * `external`: a store that is not ours. It is read, and never written, cleaned or collected; its objects are known once they are imported.
 */
export type TierRole = 'home' | 'cache' | 'external'

/** One tier as a host writes it down: a store with an order, a role, and limits. The first is the nearest. */
export interface TierOptions {
  readonly name: string
  readonly store: ObjectStore
  /** Default `home`. */
  readonly role?: TierRole
  /** Bytes that may be stored and reserved on the volume. Default: as much as the store takes. */
  readonly capacityBytes?: number
  /** Of `capacityBytes`: from here on the tier is full, until it is below the low watermark again. Default 0.9. */
  readonly highWatermarkRatio?: number
  /** Of `capacityBytes`: how far it is relieved then. Default 0.8. */
  readonly lowWatermarkRatio?: number
  /**
   * What its requests, bytes and room cost: what plans reckon with. The ledger counts, and the budget holds, what leaves for a store
   * that is `paid` (`s3Store` without an endpoint; others where `paid: true` is said). Default: nothing.
   */
  readonly prices?: PriceTable
  /** Its media are `ready`; those of other tiers are `cold` until they are loaded. Default: of unpaid tiers, or of all where all are paid. */
  readonly serves?: boolean
  /**
   * Readers may be sent to its store by addresses that the store signs (`url(ref, { direct: true })`): what they read passes nothing
   * of ours. Default false.
   */
  readonly directUrls?: boolean
  /**
   * For an `external` tier: how its objects become media. Given, it is reconciled in the background; absent, only by `tiers.reconcile`.
   */
  readonly imports?: ImportOptions
  /**
   * What tells of changes there, as `listen` of a MinIO store does. Followed in the background, and asked anew when it ends or fails. Of
   * an `external` tier with `imports`: for its objects; of any other: for `direct` uploads, which are completed when their object has come.
   */
  readonly hints?: HintSource
  /**
   * What a tier with a capacity loses first. Default `balanced`; `bytes` where what leaves the next tier is paid by the byte,
   * `requests` where each request costs.
   */
  readonly eviction?: EvictionSetting
}
