/**
 * Objects in a bucket of Amazon S3, or of anything that speaks its protocol.
 * @packageDocumentation
 */
export type { BucketReason } from '../s3-protocol/errors.ts'
export type { BucketStore, BucketStoreOptions } from '../s3-protocol/options.ts'
export type { BucketDifference, BucketSetUp } from '../s3-protocol/set-up.ts'
export type { S3Connection, S3Store, S3StoreOptions } from './options.ts'
export { s3Store } from './store.ts'
