import type { Digest, JsonObject } from './bytes.ts'
import type { SessionRecord } from './catalog-puts.ts'
import type { MediaRecord } from './catalog-records.ts'
import type { WalkOptions } from './catalog-upkeep.ts'
import type { MediaState } from './media.ts'
import type { Finding } from './observer.ts'
import type { UploadState } from './uploads.ts'

/** What was found in the bytes of a blob. It belongs to the blob: every media of the same bytes shares it. */
export interface BlobVerdict extends Finding {
  /** When the look began. Absent: before any that is known. */
  readonly lookedAt?: Date
}

/** A content that waits for a verdict, or is held by one: one that is to replace another does so beside the one that serves. */
export interface HeldContent {
  readonly number: number
  readonly state: Extract<MediaState, 'pending' | 'quarantined'>
  readonly blobId: string
  readonly digest?: Digest
}

/** What a session of an upload is beside that of a put. */
export interface UploadSessionRecord extends SessionRecord {
  readonly state: UploadState
  /** Nobody else may claim it before then. Absent: free. */
  readonly lockedUntil?: Date
  /** Of one that was committed. */
  readonly mediaId?: string
}

export interface UnscannedBlob {
  readonly blobId: string
  readonly domain: string
  readonly digest: Digest
  readonly sizeBytes: number
  /** Of one of its contents. */
  readonly contentType: string
  readonly verdict?: BlobVerdict
}

export interface UnscannedPage {
  readonly blobs: readonly UnscannedBlob[]
  readonly nextCursor?: string
}

/** What came of a verdict that was to be written. */
export interface SettledVerdict {
  readonly records: readonly MediaRecord[]
  readonly more: boolean
  readonly stands?: BlobVerdict
}

/** Sessions that outlive a process, and verdicts. Part of `Catalog`. */
export interface CatalogUploads {
  /** An upload's session, also one that has ended or run out and was not swept yet. `undefined` for unknown ids and for puts. */
  getSession(id: string): Promise<UploadSessionRecord | undefined>
  /**
   * Takes the session for `leaseMs`: it gets a new fence, and whoever had it before can neither extend, commit nor end it.
   * Need not be durable.
   * @throws MediaError MEDIA_LOCKED `upload-locked` with `retryAfterMs` while another's lease runs, unless `force`;
   * MEDIA_ABSENT when there is none, or a put has that id; MEDIA_GONE `upload-expired` when its time is over;
   * MEDIA_CONFLICT `upload-ended` when it was committed or ended.
   */
  claimSession(
    id: string,
    options: { readonly leaseMs: number; readonly force?: boolean },
  ): Promise<UploadSessionRecord>
  /**
   * What is known of a blob by its name. `undefined` when there is no such blob or nobody has looked.
   */
  verdictOf(domain: string, digest: Digest): Promise<BlobVerdict | undefined>
  /** What of a media waits or is held, newest first. Empty for unknown ids. */
  heldContents(mediaId: string): Promise<readonly HeldContent[]>
  /**
   * Writes the verdict of a blob, and moves up to `limit` of its contents that are in one of the states `from` to the state `to`,
   * each with a new revision of its media. A content that becomes active takes the place of older ones, as in `commitContent`; one
   * that was replaced meanwhile by a newer active one is dropped. Call again while `more`. Where a verdict that is known is newer
   * (`isOlderVerdict`), nothing is changed.
   * @returns the records that were changed, as they are now, and the verdict that stands, where there is such a blob
   */
  settleVerdict(
    blobId: string,
    verdict: BlobVerdict,
    contents: { readonly from: readonly MediaState[]; readonly to: MediaState; readonly limit: number },
  ): Promise<SettledVerdict>
  /**
   * Blobs with a digest that a content refers to, in an order that is stable while rows come and go, that want a look:
   * `pending`: those with a pending content; `stale`: those whose verdict is absent, or of another engine or database than given,
   * and not `released`.
   */
  listUnscanned(
    options: WalkOptions & {
      readonly which: 'pending' | { readonly engine: string; readonly database: string }
    },
  ): Promise<UnscannedPage>
}

/** How a session ends that is still to be told of: what `endSession` keeps of it. */
export interface KeptSession {
  readonly state: UploadState
  readonly declared: JsonObject
  /** How long it is still told. */
  readonly ttlMs: number
}
