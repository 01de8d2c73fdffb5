import type {
  CallCause,
  PresignOptions,
  SignedRequest,
  StoreAttempt,
  StoredPart,
  WriteCondition,
} from '@mediakeep/core'
import type { ObjectBody } from './object-body.ts'

/** Who asks, until when, and who is told of each request that leaves. */
export interface Frame {
  readonly signal: AbortSignal
  readonly cause: CallCause
  tell(attempt: StoreAttempt): void
}

/** An object as its answer describes it; metadata as they are on the wire. */
export interface ObjectFacts {
  readonly sizeBytes: number
  readonly etag: string
  readonly modifiedAt: Date
  readonly contentType?: string
  readonly metadata: Readonly<Record<string, string>>
}

/** What an object is created with, besides its bytes. */
export interface ObjectHeaders {
  readonly contentType?: string
  readonly metadata: Readonly<Record<string, string>>
}

export interface Body {
  readonly bytes: Uint8Array
  /** SHA-256 of `bytes`, in hexadecimal: it goes with the request, and the endpoint compares. */
  readonly sha256: string
}

/** The endpoint's answer to a write. */
export interface Written {
  readonly etag: string
  /** The endpoint's clock, where it told. */
  readonly answeredAt?: Date
}

export interface ListedObject {
  readonly key: string
  readonly sizeBytes: number
  readonly etag: string
  readonly modifiedAt: Date
}

export interface ListingOptions {
  readonly prefix: string
  readonly limit: number
  /** Where to go on, in the endpoint's own words; else after which name. */
  readonly from?: { readonly token: string } | { readonly startAfter: string }
}

export interface Listing {
  readonly objects: readonly ListedObject[]
  readonly isMore: boolean
  /** By which the endpoint goes on with this listing, where it gives one. */
  readonly token?: string
}

export interface Upload {
  readonly key: string
  readonly uploadId: string
}

export interface PendingUpload extends Upload {
  readonly initiatedAt: Date
}

export interface PartTag {
  readonly number: number
  readonly etag: string
}

/** What an endpoint offers for a temporary address. */
export type SignOptions = Pick<PresignOptions, 'method' | 'expiresAt' | 'response' | 'exact'> & {
  /** Of a PUT: it is a part of this upload. */
  readonly part?: { readonly uploadId: string; readonly number: number }
}

/**
 * One bucket, request by request, as a vendor's client reaches it. Keys are full names in the bucket.
 * Every failure is an `S3Failure`, an abort throws the signal's reason.
 */
export interface BucketClient {
  putObject(
    key: string,
    body: Body,
    headers: ObjectHeaders,
    when: WriteCondition | undefined,
    frame: Frame,
  ): Promise<Written>
  /** `range` as a header: `bytes=0-99`. */
  getObject(key: string, range: string | undefined, frame: Frame): Promise<ObjectBody>
  headObject(key: string, frame: Frame): Promise<ObjectFacts>
  headBucket(frame: Frame): Promise<void>
  deleteObject(key: string, frame: Frame): Promise<void>
  /** Keys that could not be deleted, with why. At most 1,000 keys, all of them writable in XML. */
  deleteObjects(keys: readonly string[], frame: Frame): Promise<ReadonlyMap<string, Error>>
  listObjects(options: ListingOptions, frame: Frame): Promise<Listing>
  createUpload(key: string, headers: ObjectHeaders, frame: Frame): Promise<Upload>
  uploadPart(upload: Upload, number: number, body: Body, frame: Frame): Promise<PartTag>
  completeUpload(
    upload: Upload,
    parts: readonly PartTag[],
    when: WriteCondition | undefined,
    frame: Frame,
  ): Promise<Written>
  listParts(upload: Upload, frame: Frame): Promise<readonly StoredPart[]>
  abortUpload(upload: Upload, frame: Frame): Promise<void>
  listUploads(prefix: string, frame: Frame): Promise<readonly PendingUpload[]>
  sign(key: string, options: SignOptions): Promise<SignedRequest>
  close(): void
}
