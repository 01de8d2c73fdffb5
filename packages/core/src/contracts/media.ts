import type { Body, ByteRange, Digest, JsonObject } from './bytes.ts'
import type { Call } from './call.ts'

/** UUIDv7 in lower case with dashes: ids sort by time of creation. */
export type MediaId = string

/** The id, or the host's own name: path-like and unique in its namespace. */
export type MediaRef = MediaId | { readonly key: string }

export type Visibility = 'public' | 'private'
export type MediaState = 'pending' | 'active' | 'rejected' | 'quarantined'

/** Something of the host's that a media belongs to: `{ kind: 'recipe', target: '42/step/3' }`. */
export interface LinkTarget {
  readonly kind: string
  readonly target: string
}

/** What was learned from the bytes. Absent is what they do not say, and what the policy does not keep (`MediaPolicy.facts`). */
export interface MediaFacts {
  /** Pixels, as the image or film is shown: after it was turned. */
  readonly width?: number
  readonly height?: number
  /** How the stored pixels are turned and mirrored to be shown, 2 to 8 as EXIF counts. Absent: not at all. */
  readonly orientation?: number
  readonly durationMs?: number
  /**
   * When it was taken, in the form of ISO 8601: `2026-05-04T03:02:01`, the clock of the camera; behind it the camera's offset
   * (`+02:00`), or `Z`, where the bytes say it.
   */
  readonly captureTime?: string
  readonly camera?: CameraFacts
  /** Where it was taken. Only where the policy says `facts: 'position'`. */
  readonly position?: MediaPosition
}

/** What an image was taken with. Texts have at most 128 bytes of UTF-8, and are what anybody may have written there. */
export interface CameraFacts {
  readonly make?: string
  readonly model?: string
  readonly lens?: string
  readonly exposureSeconds?: number
  readonly fNumber?: number
  readonly iso?: number
  readonly focalLengthMm?: number
}

/** Degrees, WGS 84; north and east are above 0. */
export interface MediaPosition {
  readonly latitude: number
  readonly longitude: number
}

/** A snapshot of a record. It does not change; read again to see changes. */
export interface Media extends MediaFacts {
  readonly id: MediaId
  readonly namespace: string
  readonly key?: string
  /** Absent only for an external object that was registered and not yet loaded. */
  readonly digest?: Digest
  /** Only where there is no digest: strong validator of the bytes, without quotes. It is another one once the digest is known. */
  readonly etag?: string
  readonly sizeBytes: number
  /** The verified type; of an external object what its store, or else its name, says. */
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
  /** When the bytes were taken in; changes of the record leave it as it is. */
  readonly contentCreatedAt: Date
  readonly updatedAt: Date
}

/** A condition on a write to a record: it must not exist, hold these bytes (etag of the content), or be at this revision. */
export type MediaCondition =
  | { readonly type: 'absent' }
  | { readonly type: 'exists' }
  | { readonly type: 'match'; readonly etags: readonly string[] }
  | { readonly type: 'revision'; readonly revision: number }

export interface PutOptions extends Call {
  /** Create or replace this record. Default: a new record with an id of its own. An id must exist; a key need not. */
  readonly at?: MediaRef
  /** @throws MediaError MEDIA_PRECONDITION when it does not hold, before the body is read and again at commit. */
  readonly when?: MediaCondition
  /** Default `file`. Cleaned, never refused, but for NUL bytes. */
  readonly filename?: string
  /** What the sender says the bytes are; checked against their first bytes. Default: told by the bytes and the name. */
  readonly contentType?: string
  /** Default `anonymous`. */
  readonly owner?: string
  /** Default `private`. */
  readonly visibility?: Visibility
  readonly tags?: readonly string[]
  /** At most 16 KiB as JSON. */
  readonly metadata?: JsonObject
  readonly links?: readonly LinkTarget[]
  /** Length the sender declares: other lengths are refused, room and quota are reserved before the first byte. */
  readonly sizeBytes?: number
  /** Digest the sender declares: other bytes are refused with MEDIA_DIGEST_MISMATCH. */
  readonly digest?: Digest
  /**
   * The same key of the same owner within 24 hours answers with the first outcome, and the body is not read.
   * @throws MediaError MEDIA_CONFLICT `idempotency-key-reused` when place, length or digest say that it is another put.
   */
  readonly idempotencyKey?: string
  /** Bytes received so far, at most once per chunk. */
  readonly onProgress?: (receivedBytes: number) => void
  /**
   * Asked once, after the last byte and before the commit, for what the sender tells only after the body
   * (fields of a form that stand behind its file). Given members win over those above. When it throws, nothing is kept.
   */
  readonly finish?: () => LatePutOptions | Promise<LatePutOptions>
}

/** What may still be told once the bytes are in. The same rules as in `PutOptions`; the name is checked against the type then. */
export type LatePutOptions = Pick<
  PutOptions,
  'at' | 'when' | 'filename' | 'visibility' | 'tags' | 'metadata' | 'links'
>

/** Members that are absent stay; `key: null` takes the key away. */
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
  /** What to do when the bytes are in no serving tier. Default `stream`. */
  readonly cold?: 'stream' | 'wait' | 'refuse'
}

export interface MediaQuery extends Call {
  /** 1 to 100. Default 50. */
  readonly limit?: number
  /** Opaque, from the page before. */
  readonly cursor?: string
  readonly owner?: string
  /** `image/png`, or `image/*`. */
  readonly type?: string
  readonly state?: MediaState
  readonly tag?: string
  readonly link?: LinkTarget
  readonly key?: string
  /** Words that all must occur in file name, key or listed metadata; case does not matter. */
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
      /** Since when: the content, or the copy that was loaded for it. */
      readonly since: Date
      /** Its last read through this process, where tiers have a capacity or a price. Absent: none that is remembered. */
      readonly lastReadAt?: Date
      /** From then on a rule of age wants it in a tier that does not serve. Absent: no rule does. It may leave sooner, for want of room. */
      readonly until?: Date
    }
  | { readonly state: 'cold'; readonly tier: string; readonly estimateMs: number }
  | { readonly state: 'loading'; readonly retryAfterMs: number }
  | { readonly state: 'failed'; readonly retryAfterMs: number; readonly reason: string }
  | { readonly state: 'held'; readonly reason: 'pending' | 'quarantined' }
  | { readonly state: 'missing' }

export type { Body }
