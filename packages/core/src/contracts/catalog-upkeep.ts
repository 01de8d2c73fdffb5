import type { Digest } from './bytes.ts'
import type { BeginSession, SessionRecord } from './catalog-puts.ts'
import type { ContentRecord, MediaRecord, PlacementRecord } from './catalog-records.ts'
import type { BlobVerdict } from './catalog-uploads.ts'

/** What collecting would do now: the plan of a dry run, and what brakes judge before anything goes. */
export interface GarbagePlan {
  /** False when there is no record in any namespace: then a collection is nearly always a mistake. */
  readonly hasMedia: boolean
  /** Owned placements that are not `staged`, and their bytes: what the rest is measured against. */
  readonly objects: number
  readonly bytes: number
  /** Blobs that `condemn` would condemn now. */
  readonly condemnable: number
  /** Owned placements, and their bytes, of blobs that are condemnable or condemned, and owned ones that are `leaving`: all that waits for its grace or is past it. */
  readonly waitingObjects: number
  readonly waitingBytes: number
  /** What `claimGarbage` would give with this grace, after `condemn`: with a grace of 0 also what is condemnable. */
  readonly freeableObjects: number
  readonly freeableBytes: number
}

/** A page of a walk over many rows. It may be short or empty and yet have a cursor: the work of one call is bounded. */
export interface WalkOptions {
  /** Opaque, from the page before; absent: from the start. */
  readonly cursor?: string
  readonly limit: number
}

export interface ExportOptions extends WalkOptions {
  /** Only media that share these bytes. */
  readonly blobId?: string
}

export interface RecheckedBlobs {
  readonly checked: number
  /** Without reference or pin, and not known to be so until now. */
  readonly found: number
  /** Goes on behind what was checked; absent: done. */
  readonly cursor?: string
}

/** A copy on a volume, as verifying sees it. */
export interface StoredCopy {
  /** `live` or `bad`. */
  readonly placement: PlacementRecord
  readonly digest?: Digest
  /** Of the content. */
  readonly sizeBytes: number
  readonly verifiedAt?: Date
}

export interface CopiesPage {
  readonly copies: readonly StoredCopy[]
  readonly cursor?: string
}

/** One blob with every placement that is `live` or `bad`. */
export interface BlobCopies {
  readonly blobId: string
  readonly digest?: Digest
  readonly sizeBytes: number
  readonly placements: readonly PlacementRecord[]
}

export interface ThinBlobsPage {
  readonly blobs: readonly BlobCopies[]
  readonly cursor?: string
}

export interface StageCopy {
  /** Begun in the same transaction. A copy is no put: it has no idempotency key. */
  readonly session: Omit<BeginSession, 'idempotencyKey'>
  readonly blobId: string
  readonly volumeId: string
  readonly placementId: string
  readonly key: string
  /**
   * How long from now nobody else begins a copy of this blob on this volume, unless the session is extended or ends; by the
   * catalog's clock, and no longer than the session lives. 0: others may begin one at once.
   */
  readonly leaseMs: number
}

export type StagedCopy =
  /** The blob is gone or no content refers to it: nothing was begun. */
  | { readonly type: 'unwanted' }
  /** The volume has a live copy: nothing was begun. */
  | { readonly type: 'present' }
  /** Another session is at it, and its lease lasts so long from now: nothing was begun. */
  | { readonly type: 'under-way'; readonly sessionId: string; readonly leaseLeftMs: number }
  | { readonly type: 'staged'; readonly session: SessionRecord; readonly blob: BlobCopies }

export interface CommitCopy {
  readonly session: { readonly id: string; readonly fence: number }
  readonly placement: { readonly id: string; readonly storedBytes: number; readonly etag?: string }
}

/** All that is kept of one media, by value: what rebuilding, backup and moving between catalogs need. */
export interface PortableMedia
  extends Pick<
    MediaRecord,
    | 'namespace'
    | 'id'
    | 'key'
    | 'owner'
    | 'visibility'
    | 'revision'
    | 'tags'
    | 'metadata'
    | 'links'
    | 'createdAt'
    | 'updatedAt'
  > {
  /** The content that serves. Others that wait beside it are not carried. */
  readonly content: Pick<
    ContentRecord,
    'number' | 'state' | 'contentType' | 'filename' | 'facts' | 'createdAt'
  >
  readonly blob: {
    readonly domain: string
    readonly digest?: Digest
    readonly sizeBytes: number
    readonly chunkSums?: Uint8Array
    readonly verdict?: BlobVerdict
  }
  /** Those that are `live`. */
  readonly placements: readonly PortablePlacement[]
}

export type PortablePlacement = Pick<
  PlacementRecord,
  'id' | 'volumeId' | 'key' | 'owned' | 'storedBytes' | 'etag'
>

export interface PortablePage {
  readonly media: readonly PortableMedia[]
  readonly cursor?: string
}
