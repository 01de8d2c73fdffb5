import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import type { OptionNames } from '@mediakeep/core'
import { BUCKET_OPTIONS, type BucketStore, type BucketStoreOptions } from '../s3-protocol/options.ts'

/** Where the bucket is and who asks: a client of the host's own, or what one is made from. */
export type S3Connection =
  | {
      /** The host's own; the store never closes it. Its retries are the store's. */
      readonly client: S3Client
    }
  | {
      /** Default: as the SDK finds it (environment, shared files); `us-east-1` with an `endpoint`. */
      readonly region?: string
      /** Default: Amazon S3 of the region. */
      readonly endpoint?: string | URL
      /** Default: as the SDK finds them. */
      readonly credentials?: NonNullable<S3ClientConfig['credentials']>
      /** `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`. Default true with an `endpoint`. */
      readonly forcePathStyle?: boolean
      /** Requests of one call, the first included. Default 3. */
      readonly maxAttempts?: number
      /** Longest wait for a connection. Default 5 s. */
      readonly connectTimeoutMs?: number
      /** Longest wait for an answer to begin. Default 60 s. */
      readonly answerTimeoutMs?: number
      /** Connections at once. Default 256. */
      readonly maxSockets?: number
    }

export type S3StoreOptions = BucketStoreOptions &
  S3Connection & {
    /** Calls and bytes cost money. Default true without an `endpoint`. */
    readonly paid?: boolean
  }

export type S3Store = BucketStore

/** With a client of the host's own, the others of the connection would do nothing. */
export const CLIENT_OPTIONS: OptionNames<Extract<S3StoreOptions, { client: unknown }>> = {
  ...BUCKET_OPTIONS,
  client: true,
}

export const S3_OPTIONS: OptionNames<Exclude<S3StoreOptions, { client: unknown }>> = {
  ...BUCKET_OPTIONS,
  region: true,
  endpoint: true,
  credentials: true,
  forcePathStyle: true,
  maxAttempts: true,
  connectTimeoutMs: true,
  answerTimeoutMs: true,
  maxSockets: true,
}
