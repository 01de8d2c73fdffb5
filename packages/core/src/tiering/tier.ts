import type { ObjectStore } from '../contracts/object-store.ts'

/** One tier as a host writes it down: a store with an order, a role, and limits. The first is the nearest. */
export interface TierOptions {
  readonly name: string
  readonly store: ObjectStore
  /** `home` counts for acknowledgement and garbage collection, `cache` never does. Default `home`. */
  readonly role?: 'home' | 'cache'
  /** Bytes that may be stored and reserved on the volume. Default: as much as the store takes. */
  readonly capacityBytes?: number
  /** Of `capacityBytes`. Default 0.9. */
  readonly highWatermarkRatio?: number
  /** Of `capacityBytes`. Default 0.8. */
  readonly lowWatermarkRatio?: number
}
