import type { Body, ByteRange, Digest, JsonObject } from './bytes.ts'
import type { Call } from './call.ts'

/** UUIDv7 in lower case with dashes: ids sort by time of creation. */
export type MediaId = string

/** The id, or the key that the application chose: path-like, and unique in its namespace. */
export type MediaRef = MediaId | { readonly key: string }

export type Visibility = 'public' | 'private'
export type MediaState = 'pending' | 'active' | 'rejected' | 'quarantined'

/** Something in the application that a media belongs to: `{ kind: 'recipe', target: '42/step/3' }`. */
export interface LinkTarget {
  readonly kind: string
  readonly target: string
}

/** What the bytes say about the media. A member is absent when they do not say it, or when the policy does not keep it (`MediaPolicy.facts`). */
export interface MediaFacts {
  /** In pixels, as the image or video is displayed: after its orientation is applied. */
  readonly width?: number
  readonly height?: number
  /** How the stored pixels must be rotated and mirrored for display: EXIF orientation 2 to 8. Absent: not at all. */
  readonly orientation?: number
  readonly durationMs?: number
  /**
   * When it was taken, by the clock of the camera, in the form of ISO 8601: `2026-05-04T03:02:01`. The camera's offset (`+02:00`) or `Z`
   * follows if the bytes contain it.
   */
  readonly captureTime?: string
  readonly camera?: CameraFacts
  /** Where it was taken. Only where the policy says `facts: 'position'`. */
  readonly position?: MediaPosition
}

/** What an image was taken with. Texts have at most 128 bytes of UTF-8; do not trust them, for the sender can write anything there. */
export interface CameraFacts {
  readonly make?: string
  readonly model?: string
  readonly lens?: string
  readonly exposureSeconds?: number
  readonly fNumber?: number
  readonly iso?: number
  readonly focalLengthMm?: number
}

/** Degrees in WGS 84; north and east are positive. */
export interface MediaPosition {
  readonly latitude: number
  readonly longitude: number
}

/** A snapshot of a record. It never changes: read the record again to see changes. */
export interface Media extends MediaFacts {
  readonly id: MediaId
  readonly namespace: string
  readonly key?: string
  /** Absent only for an external object that was registered and not yet loaded. */
  readonly digest?: Digest
  /** Present only without `digest`: strong validator of the bytes, without quotes. It changes once the digest is known. */
  readonly etag?: string
  readonly sizeBytes: number
  /** The verified content type. For an external object: the type its store reports, else the type of its name. */
  readonly contentType: string
  /** Cleaned name for display and download; never part of a path. */
  readonly filename: string
  readonly owner: string
  readonly visibility: Visibility
  readonly tags: readonly string[]
  readonly metadata: JsonObject
  readonly links: readonly LinkTarget[]
  readonly state: MediaState
  /** Grows with every change of the record or its content. */
  readonly revision: number
  /** 1 for the first bytes, one more with each replacement. */
  readonly contentNumber: number
  readonly createdAt: Date
  /** When the current bytes were stored. Changes of the record do not change it. */
  readonly contentCreatedAt: Date
  readonly updatedAt: Date
}

/**
 * A condition on a write to a record: it must not exist (`absent`), exist, have content with one of these etags (`match`), or be at this
 * revision.
 */
export type MediaCondition =
  | { readonly type: 'absent' }
  | { readonly type: 'exists' }
  | { readonly type: 'match'; readonly etags: readonly string[] }
  | { readonly type: 'revision'; readonly revision: number }

export interface PutOptions extends Call {
  /** Create or replace this record. Default: a new record with an id of its own. An id must exist; a key need not. */
  readonly at?: MediaRef
  /** Checked before the body is read and again at commit. @throws MediaError MEDIA_PRECONDITION when it does not hold */
  readonly when?: MediaCondition
  /** Default `file`. Unsafe characters are removed; only a name with NUL bytes is refused. */
  readonly filename?: string
  /** The content type that the sender declares; checked against the first bytes. Default: decided from the bytes and the name. */
  readonly contentType?: string
  /** Default `anonymous`. */
  readonly owner?: string
  /** Default `private`. */
  readonly visibility?: Visibility
  readonly tags?: readonly string[]
  /** At most 16 KiB as JSON. */
  readonly metadata?: JsonObject
  readonly links?: readonly LinkTarget[]
  /** Declared length: space and quota are reserved before the first byte, and a body of another length is refused. */
  readonly sizeBytes?: number
  /** Declared digest: other bytes are refused with MEDIA_DIGEST_MISMATCH. */
  readonly digest?: Digest
  /**
   * Makes a retry safe: a `put` with the same key of the same owner within 24 hours returns the result of the first one, without reading the
   * body. @throws MediaError MEDIA_CONFLICT `idempotency-key-reused` when its `at`, length or digest differ from the first one's
   */
  readonly idempotencyKey?: string
  /** Bytes received so far, at most once per chunk. */
  readonly onProgress?: (receivedBytes: number) => void
  /**
   * Called once, after the last byte and before the commit, for options that the sender gives only after the body (form fields behind
   * the file). Its members replace those above. When it throws, nothing is stored.
   */
  readonly finish?: () => LatePutOptions | Promise<LatePutOptions>
}

/** Options that may be given after the bytes. The rules are those of `PutOptions`; a new name is checked against the type, too. */
export type LatePutOptions = Pick<
  PutOptions,
  'at' | 'when' | 'filename' | 'visibility' | 'tags' | 'metadata' | 'links'
>

/** Absent members stay as they are; `key: null` removes the key. */
export interface MediaChange {
  readonly key?: string | null
  readonly filename?: string
  readonly owner?: string
  readonly visibility?: Visibility
  readonly tags?: readonly string[]
  readonly metadata?: JsonObject
  readonly links?: readonly LinkTarget[]
}

export interface OpenOptions extends Call {
  readonly range?: ByteRange
  /** What to do when the bytes are in no serving tier: read them from where they are, wait for a load, or throw MEDIA_NOT_READY. Default `stream`. */
  readonly cold?: 'stream' | 'wait' | 'refuse'
}

export interface MediaQuery extends Call {
  /** 1 to 100. Default 50. */
  readonly limit?: number
  /** `nextCursor` of the previous page. Opaque. */
  readonly cursor?: string
  readonly owner?: string
  /** `image/png`, or `image/*`. */
  readonly type?: string
  readonly state?: MediaState
  readonly tag?: string
  readonly link?: LinkTarget
  readonly key?: string
  /** Words that must all occur in the file name, key or searchable metadata; case is ignored. */
  readonly q?: string
  readonly createdAfter?: Date
  readonly createdBefore?: Date
}

/** Newest first. A page may hold fewer than `limit` items while `nextCursor` is present. */
export interface MediaPage {
  readonly items: readonly Media[]
  readonly nextCursor?: string
}

export type Availability =
  | {
      readonly state: 'ready'
      readonly tier: string
      /** When the content was stored, or its copy in this tier loaded. */
      readonly since: Date
      /** Its last read through this process. Known only with tiers that have a capacity or a price. */
      readonly lastReadAt?: Date
      /** When a rule with an age will move it to a tier that does not serve. Absent: no rule will. It may leave sooner for lack of space. */
      readonly until?: Date
    }
  | { readonly state: 'cold'; readonly tier: string; readonly estimateMs: number }
  | { readonly state: 'loading'; readonly retryAfterMs: number }
  | { readonly state: 'failed'; readonly retryAfterMs: number; readonly reason: string }
  | { readonly state: 'held'; readonly reason: 'pending' | 'quarantined' }
  | { readonly state: 'missing' }

export type { Body }
