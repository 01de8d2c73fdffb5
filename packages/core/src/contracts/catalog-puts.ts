import type { Digest, JsonObject } from './bytes.ts'
import type { MediaRecord, PlacementRecord } from './catalog-records.ts'
import type { BlobVerdict } from './catalog-uploads.ts'
import type { LinkTarget, MediaCondition, MediaFacts, MediaRef, MediaState, Visibility } from './media.ts'
import type { UploadState } from './uploads.ts'

export interface Reservation {
  /** Whose room: a volume's (or its staging), or an owner's quota. */
  readonly subject: { readonly volumeId: string } | { readonly owner: string }
  readonly bytes: number
  /** Refused when what is stored plus what is reserved would pass it: MEDIA_NO_SPACE for a volume, MEDIA_QUOTA for an owner. */
  readonly limitBytes?: number
}

export interface BeginSession {
  readonly id: string
  readonly namespace: string
  readonly owner: string
  readonly ttlMs: number
  readonly mediaId?: string
  readonly idempotencyKey?: string
  /** What the sender declared, for the record: size, type, digest, name. */
  readonly declared?: JsonObject
  readonly reservations?: readonly Reservation[]
  /** It is that of an upload, which outlives the process. Durable then when it resolves. */
  readonly upload?: {
    readonly state: UploadState
    /** Refused with MEDIA_RATE_LIMITED `too-many-uploads` when the owner has so many in this namespace that have not ended. */
    readonly maxOpen?: number
  }
}

/** Members that are absent stay. */
export interface ExtendSession {
  /** Life from now on. */
  readonly ttlMs?: number
  readonly offsetBytes?: number
  readonly reservations?: readonly Reservation[]
  /** Of an upload or a copy: how long from now nobody else may take it up; 0 lets it go. The fence stays. */
  readonly leaseMs?: number
  /** Of an upload. */
  readonly state?: UploadState
  readonly declared?: JsonObject
  /**
   * Nobody was told what this says, and who depends on it ends when the catalog's host does: it need not be durable when it resolves.
   * Else an offset, a state and what was declared are. What is made durable later brings it along.
   */
  readonly isPassing?: true
}

export interface SessionRecord {
  readonly id: string
  readonly namespace: string
  readonly owner: string
  /** Checked at commit: a session that expired and was swept can never commit. */
  readonly fence: number
  readonly expiresAt: Date
  readonly offsetBytes: number
  readonly declared: JsonObject
}

export type BegunSession =
  | { readonly type: 'begun'; readonly session: SessionRecord }
  /** The idempotency key was used before and its put succeeded: this is the media it made. */
  | { readonly type: 'repeated'; readonly mediaId: string }

export interface StagePlacement {
  /** The live session, or one to begin in the same transaction. */
  readonly session: { readonly id: string; readonly fence: number } | BeginSession
  /** Dedupe domain: `''` for the whole store, else the namespace. Never one of `externalDomain`. */
  readonly domain: string
  readonly digest: Digest
  readonly sizeBytes: number
  /** CRC-32 of each 64 KiB chunk, big-endian, 4 bytes each. */
  readonly chunkSums: Uint8Array
  readonly volumeId: string
  readonly placementId: string
  readonly key: string
  /** These placements were found damaged or gone: marked `bad`, never reused. */
  readonly distrust?: readonly string[]
  /**
   * Only placements on these volumes stand in for ours: others are of another host, which may never be within reach.
   * Default: all. The bytes of an external object never do: whoever owns it may change it at any time.
   */
  readonly reachable?: readonly string[]
}

export type StagedPlacement =
  | { readonly type: 'repeated'; readonly mediaId: string }
  | {
      readonly type: 'staged'
      readonly session: SessionRecord
      readonly blobId: string
      /** Live placements that stand in for ours. Not empty: nothing was inserted for us, the blob is pinned, use one of these. */
      readonly existing: readonly PlacementRecord[]
    }

export interface CommitContent {
  readonly session: { readonly id: string; readonly fence: number }
  readonly blobId: string
  /** Our own placement, now durable on its volume; absent when an existing one is used. */
  readonly placement?: { readonly id: string; readonly storedBytes: number; readonly etag?: string }
  /**
   * As in `StagePlacement`: ours is `redundant` beside a live placement that stands in for it; without one of ours there must
   * be such a placement still.
   */
  readonly reachable?: readonly string[]
  readonly media: {
    /** Replace or create this one: by key, or by id which must exist unless `create`. */
    readonly at?: MediaRef
    /** Id of the record when one is created. */
    readonly newId: string
    readonly namespace: string
    /** Owner of the record when one is created; one that exists keeps its own. */
    readonly owner: string
    readonly when?: MediaCondition
    /** Given values replace those of an existing record; absent ones stay. */
    readonly visibility?: Visibility
    readonly tags?: readonly string[]
    readonly metadata?: JsonObject
    readonly links?: readonly LinkTarget[]
  }
  readonly content: {
    readonly contentType: string
    readonly filename: string
    readonly facts: MediaFacts
    /**
     * What it is to be. It is `quarantined` instead where the verdict of the blob, given here or known before, is infected or
     * unscannable: what a put inherits by sharing bytes.
     */
    readonly state: MediaState
    /** What a look into these bytes found. One that is known and is not `clean` stays. */
    readonly verdict?: BlobVerdict
  }
  /** The session is that of an upload: it stays to be told of, in the state that the content has, with the id of the media. */
  readonly keepSession?: { readonly declared: JsonObject; readonly ttlMs: number }
}

export interface CommittedContent {
  readonly record: MediaRecord
  readonly created: boolean
  /** Our placement lost to one that was live already: it is `leaving`, its bytes go with garbage collection. */
  readonly redundant: boolean
}
