import type { Clock, ObjectStore, OptionNames } from '@mediakeep/core'
import type { BucketDifference, BucketSetUp } from './set-up.ts'

/** Options that every store in a bucket has. */
export interface BucketStoreOptions {
  readonly bucket: string
  /** Part of the bucket that is the volume: `media/`. Default: all of it. */
  readonly prefix?: string
  /** Default: the adapter's name. */
  readonly name?: string
  /**
   * The bucket belongs to somebody else: nothing is ever written to it, not even a marker, and keys are its own. Default false.
   */
  readonly readOnly?: boolean
  /** Makes a volume where the prefix is empty; `false`: refuses, for buckets that must be there. Default true. */
  readonly create?: boolean
  /**
   * Whether the endpoint honours `If-None-Match` and `If-Match` on writes. `enforced` is checked when the store opens; an endpoint
   * that is said to ignore them is not sent any. Default `enforced`.
   */
  readonly conditionalPut?: 'enforced' | 'ignored'
  /** `none`: the endpoint lists in an order of its own. Default `key`. */
  readonly listOrder?: 'key' | 'none'
  /** Bodies up to this size are one request; larger ones are uploaded in parts of it. 5 MiB to 512 MiB. Default 16 MiB. */
  readonly partBytes?: number
  /** Parts of one body on their way at once. Default 4. */
  readonly partsAtOnce?: number
  /** Memory that all bodies on their way out may hold together; one body may always travel. Default 256 MiB. */
  readonly maxHeldBytes?: number
  /** Default: the machine's. */
  readonly clock?: Clock
}

/** Those that every store in a bucket has, and what each adapter says of money. */
export const BUCKET_OPTIONS: OptionNames<BucketStoreOptions & { readonly paid?: boolean }> = {
  bucket: true,
  prefix: true,
  name: true,
  readOnly: true,
  create: true,
  conditionalPut: true,
  listOrder: true,
  partBytes: true,
  partsAtOnce: true,
  maxHeldBytes: true,
  clock: true,
  paid: true,
}

/** What stores in a bucket have besides the contract. */
export interface BucketStore extends ObjectStore {
  readonly bucket: string
  /** What all names in the bucket begin with, empty or ending in `/`. */
  readonly prefix: string
  /** Readers and writers that were opened and not yet freed. */
  readonly openCount: number
  open(): Promise<void>
  identity: NonNullable<ObjectStore['identity']>
  presign: NonNullable<ObjectStore['presign']>
  readonly directParts: NonNullable<ObjectStore['directParts']>
  createWriter: NonNullable<ObjectStore['createWriter']>
  observe: NonNullable<ObjectStore['observe']>
  /**
   * Upkeep calls it once a day. The bucket's lifecycle does it cheaper (`setUpBucket`). MinIO lists none below a prefix and ends them
   * by itself after a day.
   */
  sweepUploads: NonNullable<ObjectStore['sweepUploads']>
  /** What of the bucket is not as wanted; changes nothing. */
  diffBucket(wanted?: BucketSetUp): Promise<readonly BucketDifference[]>
  /**
   * Makes the bucket as wanted, as often as it is called; rules of its lifecycle that are not ours stay.
   * @returns what could not be made so, because the endpoint does not offer it
   */
  setUpBucket(wanted?: BucketSetUp): Promise<readonly BucketDifference[]>
}
