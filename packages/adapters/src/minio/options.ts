import type { Call, OptionNames } from '@mediakeep/core'
import { BUCKET_OPTIONS, type BucketStore, type BucketStoreOptions } from '../s3-protocol/options.ts'
import type { ObjectHint } from './notifications.ts'
import type { FormOptions, SignedForm } from './sign-form.ts'

/** Where the server is and who asks. The client is made here: its transport tells of each request. */
export interface MinioConnection {
  /** `http://127.0.0.1:9000`, `https://minio.example.com`. */
  readonly endpoint: string | URL
  readonly accessKey: string
  readonly secretKey: string
  readonly sessionToken?: string
  /** Default `us-east-1`. */
  readonly region?: string
  /** `https://endpoint/bucket/key` instead of `https://bucket.endpoint/key`. Default true. */
  readonly pathStyle?: boolean
  /** Requests of one call, the first included. Default 3. */
  readonly maxAttempts?: number
  /** Longest wait for an answer to begin. Default 60 s. */
  readonly answerTimeoutMs?: number
  /** Connections at once. Default 256. */
  readonly maxSockets?: number
}

export type MinioStoreOptions = BucketStoreOptions &
  MinioConnection & {
    /** Calls and bytes cost money. Default false. */
    readonly paid?: boolean
  }

export const MINIO_OPTIONS: OptionNames<MinioStoreOptions> = {
  ...BUCKET_OPTIONS,
  endpoint: true,
  accessKey: true,
  secretKey: true,
  sessionToken: true,
  region: true,
  pathStyle: true,
  maxAttempts: true,
  answerTimeoutMs: true,
  maxSockets: true,
}

export interface ListenOptions extends Call {
  /** Only keys that begin so. */
  readonly prefix?: string
}

/** A store on a MinIO server, with what S3 clients lack. */
export interface MinioStore extends BucketStore {
  /**
   * Hints that objects came or went, from any client of the bucket, until the signal, the deadline or the end of the store, whose
   * reason it then throws. A connection that breaks is made again; each begins with `all`.
   * @throws MediaError when the server refuses to be listened to
   */
  listen(options?: ListenOptions): AsyncIterable<ObjectHint>
  /** A form by which a browser uploads one object past this process: size and type are checked by the server. */
  signForm(key: string, options: FormOptions): Promise<SignedForm>
}
