import type { Readable, Writable } from 'node:stream'
import type { Body, ByteRange, Digest } from './bytes.ts'
import type { Call } from './call.ts'
import type { GarbagePlan } from './catalog.ts'
import type {
  Availability,
  LinkTarget,
  Media,
  MediaChange,
  MediaPage,
  MediaQuery,
  MediaRef,
  OpenOptions,
  PutOptions,
} from './media.ts'
import type { MediaEvent } from './observer.ts'
import type { ScanOptions, ScanProgress } from './scanning.ts'
import type { Tiering } from './tiering.ts'
import type { UploadSessions } from './uploads.ts'

/** A media that was opened for reading. Read one of its bodies to the end, or dispose the reader: then nothing leaks. */
export interface MediaReader extends AsyncDisposable {
  readonly media: Media
  /** The bytes that will be read: half-open offsets into the content. */
  readonly range: ByteRange
  /** Length of `range`. */
  readonly sizeBytes: number
  /** Strong validator without quotes: from the digest of the whole content. */
  readonly etag: string
  readonly tier: string
  /**
   * The bytes, if they are already in memory and verified; else `undefined`. Do not change them: other readers get the same buffer.
   */
  readonly buffered: Uint8Array | undefined
  /** Verified bytes: the stream fails with MEDIA_CORRUPT before its end when the stored bytes are damaged. May be called once. */
  stream(): Readable
  web(): ReadableStream<Uint8Array>
  /** @throws MediaError MEDIA_TOO_LARGE when `sizeBytes` is over `maxBytes`. */
  bytes(options: { readonly maxBytes: number }): Promise<Uint8Array>
  /**
   * Writes all bytes to `destination`, with back-pressure, and does not end it. The fastest way to send a media; verified like `stream`.
   * Rejects when the destination closes early or `signal` aborts.
   */
  writeTo(destination: Writable, options?: { readonly signal?: AbortSignal }): Promise<void>
}

export interface ListAllQuery extends Omit<MediaQuery, 'cursor' | 'limit'> {}

export interface GarbageProgress {
  readonly condemned: number
  readonly freedObjects: number
  readonly freedBytes: number
  /** Objects without a row that a thorough run found. They are condemned now and freed after `graceMs`. */
  readonly orphans: number
  /** Objects whose names this store does not make: left alone. */
  readonly foreign: number
  /** Objects whose records the catalog has lost but a journal still has: left alone, for `rebuildCatalog` can restore them. */
  readonly recoverable: number
  /** Uploads in parts that nobody finished, ended by a thorough run. */
  readonly endedUploads: number
  /** What a dry run found. Present in its only progress. */
  readonly plan?: GarbagePlan
}
export interface ExpireProgress {
  readonly expiredSessions: number
  readonly removedStagingFiles: number
}

export interface CollectOptions extends Call {
  /**
   * How long a blob must have been without references before its bytes may be deleted. Default 1 hour. On tiers with `directUrls` it is
   * at least 15 minutes, the life of the URLs given out; only the plan of a dry run uses the given value for them, too.
   */
  readonly graceMs?: number
  /** Reports what a run would do now, and changes nothing. Default false. */
  readonly dryRun?: boolean
  /**
   * Looks at every blob, not only at those that are known to have lost a reference, and lists the volumes for objects that
   * no row names. Default false.
   */
  readonly thorough?: boolean
  /** Minimum age of an unfinished upload in parts for a thorough run to end it: a whole number, 0 or more. Default 7 days. */
  readonly uploadsOlderThanMs?: number
  /** Continues where the run would stop as a precaution: a fifth of all objects would go (of 1,000 or more), or no record is left. Default false. */
  readonly force?: boolean
}

/** What is wrong with a copy. `unreadable`: the disk fails to read it. */
export type CopyFault = 'absent' | 'size' | 'content' | 'unreadable'

export interface DamagedCopy {
  readonly blobId: string
  readonly digest?: Digest
  readonly volumeId: string
  readonly key: string
  readonly fault: CopyFault
  /** A new copy was made from a good one, on the same volume. */
  readonly repaired: boolean
}

export interface VerifyOptions extends Call {
  /**
   * `content` (default) compares the SHA-256 of all bytes with their digest. `stored` compares the stored bytes with the size and the
   * CRC-32 sums that were recorded when they were written.
   */
  readonly mode?: 'content' | 'stored'
  /** Makes a new copy of what is damaged, from a good one on another volume. Default false. */
  readonly repair?: boolean
  /** From the progress of an earlier run: continues after what that run checked. */
  readonly cursor?: string
  /** Maximum average rate of reading, in bytes a second. Default: no limit. */
  readonly bytesPerSecond?: number
  /** Whether copies on paid volumes are read, too. Default true; verification in the background leaves them out. */
  readonly paid?: boolean
  /** Leaves out copies that were verified, or written, later than this. */
  readonly notVerifiedSince?: Date
}

/** Totals since the start, except `damaged`: the copies found since the previous progress. */
export interface VerifyProgress {
  readonly checkedObjects: number
  readonly checkedBytes: number
  /** Bytes on the volumes when the run began: an estimate of what there is to check. */
  readonly totalBytes: number
  readonly damaged: readonly DamagedCopy[]
  readonly damagedObjects: number
  readonly repairedObjects: number
  /** Volumes that could not be read. Their copies were not checked. */
  readonly offlineVolumes: readonly string[]
  /** Give it to a later run to continue after everything checked so far. */
  readonly cursor: string
}

export interface RepairProgress {
  /** Copies made of blobs that had fewer than `minCopies`. */
  readonly madeCopies: number
  readonly madeBytes: number
  /** Blobs that still have fewer, because there is no room or no volume for another copy. */
  readonly thin: number
  /** Blobs without any good copy within reach. */
  readonly lost: readonly { readonly blobId: string; readonly digest?: Digest }[]
}

export interface JournalProgress {
  /** Journals whose lines were replaced by a snapshot of the records. */
  readonly compacted: number
}

export interface RebuildOptions extends Call {
  /** Creates a media for every object that no journal line names, with owner `''` and a file name made from its digest. Default false. */
  readonly adoptUnknown?: boolean
}

/** A media that a journal knows and whose bytes no volume has. */
export interface LostMedia {
  readonly id: string
  readonly namespace: string
  readonly key?: string
  readonly filename: string
  readonly digest?: Digest
}

/** Counts since the start. */
export interface RebuildProgress {
  /** Records that were written. */
  readonly restored: number
  /** Records that the catalog already had, in the same or a later revision. */
  readonly alreadyThere: number
  readonly lostMedia: number
  /** Lost media found since the previous progress. */
  readonly lost: readonly LostMedia[]
  /** Media whose only copies are on offline volumes: a later run restores them, once the volumes are back. */
  readonly unreachableMedia: number
  /** Objects that neither the catalog nor a line names. */
  readonly unknownObjects: number
  /** Unknown objects that became media (`adoptUnknown`). */
  readonly adoptedObjects: number
  /** Lines that could not be used. */
  readonly damagedLines: number
  /** Ids of known volumes that are offline. */
  readonly offlineVolumes: readonly string[]
}

export interface Upkeep {
  /**
   * Condemns what nothing refers to, and deletes what was condemned long enough ago. Safe beside uploads, in any number of
   * processes at once. Volumes that are offline are left alone.
   * @throws MediaError MEDIA_CONFLICT `gc-brake`, before anything is deleted, when so much would go that it looks like a mistake;
   * MEDIA_BAD_INPUT `bad-amount` when `uploadsOlderThanMs` is not a whole number of 0 or more.
   */
  collectGarbage(options?: CollectOptions): AsyncIterable<GarbageProgress>
  /** Ends expired upload sessions and removes their staged bytes and reservations. */
  expire(options?: Call): AsyncIterable<ExpireProgress>
  /**
   * Replaces the lines of a volume's journal by one line for each record, if the journal is incomplete or has grown to several times that
   * size. Safe at any time, in any number of processes.
   */
  compactJournals(options?: Call): AsyncIterable<JournalProgress>
  /**
   * Reads every copy on the volumes of this host and compares it with its digest or sums. A damaged copy is quarantined: it is never
   * served again, and not deleted while its blob is in use. @throws MediaError MEDIA_BAD_INPUT `bad-cursor`
   */
  verify(options?: VerifyOptions): AsyncIterable<VerifyProgress>
  /**
   * Has the scanner look at bytes that wait for it; with options, also at those that were scanned with an older database, or at all. Media in which
   * something is found are held from then on, whoever owns them. @throws MediaError MEDIA_UNSUPPORTED `no-scanner`
   */
  scan(options?: ScanOptions): AsyncIterable<ScanProgress>
  /** Makes the copies that are missing towards `minCopies`, each from a good copy that is verified while it is read. */
  repair(options?: Call): AsyncIterable<RepairProgress>
  /**
   * Fills an empty or outdated catalog from the journals and objects of the volumes. Records that the catalog has in the same or a later
   * revision stay as they are, and nothing is deleted. Safe to repeat, and to run while the store is in use.
   */
  rebuildCatalog(options?: RebuildOptions): AsyncIterable<RebuildProgress>
}

export interface HealthCheck {
  readonly status: 'ok' | 'degraded' | 'down'
  readonly latencyMs: number
  readonly detail?: string
}
export interface HealthReport {
  readonly status: 'ok' | 'degraded' | 'down'
  readonly checks: Readonly<Record<string, HealthCheck>>
}

export interface UsageRow {
  readonly name: string
  readonly media: number
  /** Sum of the sizes of all records: what owners see. */
  readonly logicalBytes: number
  /** Sum of the sizes of distinct blobs: what is stored. */
  readonly storedBytes: number
}

export interface SignOptions {
  readonly expiresAt: Date
  readonly variant?: string
  /** Served as attachment. */
  readonly download?: boolean
  /**
   * A URL of the bucket itself if the nearest copy is in a tier with `directUrls`, else one of this store. A URL of the bucket is valid for 15
   * minutes at most. Reads by it are neither verified nor counted: the ledger books one whole read for each URL. Default false.
   */
  readonly direct?: boolean
}

/** The place of a copy that can be served now. */
export interface MediaPlace {
  readonly volumeId: string
  readonly tier: string
  /** Full name in the volume's store. Never shown to clients. */
  readonly objectKey: string
}

/** Record, availability and place of a media, as they were at one moment. */
export interface MediaLocation {
  /** `undefined` when the catalog does not know it. */
  readonly media: Media | undefined
  readonly availability: Availability
  /** Present when it is `ready`. */
  readonly place?: MediaPlace
  /**
   * Names to compare with those that `watch` reports. As long as it reports none of these, and no gap, no store that shares the
   * resource states has changed anything in this location.
   */
  readonly names: readonly string[]
}

export interface LocateOptions extends Call {
  /**
   * How long to wait for shared resource states, from the start of the call. After that the answer is made from the catalog alone.
   * Default: the states' own time limit.
   */
  readonly statesWithinMs?: number
}

/**
 * The store as applications use it. All calls work in one namespace (`in` gives another). `put`, `open`, `update`, `delete`, `list`,
 * `listAll`, `url` and `uploads.create` refuse unknown options with MEDIA_BAD_INPUT `unknown-option`.
 */
export interface MediaStore extends AsyncDisposable {
  readonly namespace: string
  /**
   * Stores a body and its record. Equal bytes are stored once. Resolves when both are as durable as the volume promises.
   * A failure leaves no record, no temporary file and no reservation.
   */
  put(body: Body, options?: PutOptions): Promise<Media>
  /**
   * Opens the bytes. Given a `Media`, exactly the content of that snapshot.
   * @throws MediaError MEDIA_ABSENT, MEDIA_HELD, MEDIA_NOT_READY, MEDIA_RANGE, MEDIA_GONE (snapshot's bytes collected), MEDIA_CORRUPT.
   */
  open(ref: MediaRef | Media, options?: OpenOptions): Promise<MediaReader>
  /** `undefined` when the catalog does not know it. */
  stat(ref: MediaRef, options?: Call): Promise<Media | undefined>
  /** @throws MediaError MEDIA_ABSENT, MEDIA_PRECONDITION, MEDIA_CONFLICT when the key is taken. */
  update(
    ref: MediaRef,
    change: MediaChange,
    options?: Call & { readonly ifRevision?: number },
  ): Promise<Media>
  /** Deletes the record now; garbage collection deletes its bytes later. @returns whether there was such a record */
  delete(
    ref: MediaRef,
    options?: Call & {
      readonly when?:
        | { readonly type: 'match'; readonly etags: readonly string[] }
        | { readonly type: 'revision'; readonly revision: number }
    },
  ): Promise<boolean>
  list(query?: MediaQuery): Promise<MediaPage>
  listAll(query?: ListAllQuery): AsyncIterable<Media>
  /** The media linked to each of several targets: one list for each target, in the order of `targets`, newest media first. */
  linked(
    targets: readonly LinkTarget[],
    options?: Call & { readonly limitPerTarget?: number },
  ): Promise<readonly (readonly Media[])[]>
  link(ref: MediaRef, target: LinkTarget, options?: Call): Promise<void>
  unlink(ref: MediaRef, target: LinkTarget, options?: Call): Promise<void>
  /**
   * A signed URL below the store's `publicBaseUrl`, or with `direct` possibly one of a bucket.
   * @throws MediaError MEDIA_ABSENT; MEDIA_BAD_INPUT `bad-expiry` or `no-public-base-url`
   */
  url(ref: MediaRef, options: SignOptions): Promise<URL>
  /** Checks the query of a URL that `url` made. @throws MediaError MEDIA_DENIED `signature` or `expired`. */
  verifyUrl(id: string, query: URLSearchParams): { readonly download: boolean; readonly expiresAt: Date }
  /** The URL at which clients reach `mediaRouter`, with a slash at its end; `undefined` if it was not configured. */
  readonly publicBaseUrl: URL | undefined
  /**
   * The query of a signed URL: whoever has it may send the bytes of this upload, once, until `expiresAt`.
   * @throws MediaError MEDIA_BAD_INPUT `bad-expiry` unless `expiresAt` is within the next hour
   */
  signUpload(uploadId: string, options: { readonly expiresAt: Date }): URLSearchParams
  /**
   * Checks such a query. Give it exactly as it stands on the request line, without decoding.
   * @throws MediaError MEDIA_UNAUTHENTICATED `signature-required`; MEDIA_DENIED `signature` or `expired`; MEDIA_BAD_INPUT `bad-expiry`
   */
  verifyUpload(uploadId: string, query: string): { readonly expiresAt: Date }
  /** Whether the media can be read now, and if not, why. Never starts a fetch. */
  availability(ref: MediaRef, options?: Call): Promise<Availability>
  /** Record, availability and place in one call, for gates. Never starts a fetch. */
  locate(ref: MediaRef, options?: LocateOptions): Promise<MediaLocation>
  /**
   * Asks the object stores whether the copies that serve are still there, and gives up those that are absent. For those who read past
   * this store, such as a proxy that found an object missing. Costs one request for each copy. @returns the availability after that
   */
  recheck(ref: MediaRef, options?: Call): Promise<Availability>
  /**
   * Reports the names (of `MediaLocation`) of media that were changed by this store or by another that shares its resource states.
   * `onGap` is called when changes may have been missed: then every location found earlier may be outdated. @returns a function that stops it
   */
  watch(listener: (names: readonly string[]) => void, options: { readonly onGap: () => void }): () => void
  /**
   * Releases content from quarantine after a person has judged it to be harmless. From then on every media with the same bytes is
   * served, later ones too, and no later scan takes that back. Without `digest` it releases the newest quarantined content of the media,
   * even if that is a replacement which does not serve yet: it serves at once, unless newer content does. `digest` selects the content that
   * was judged, quarantined or still waiting for its scan, so that nothing else is released.
   * @throws MediaError MEDIA_ABSENT; MEDIA_CONFLICT `not-held` when there is no such content
   */
  release(ref: MediaRef, options?: Call & { readonly digest?: Digest }): Promise<Media>
  /**
   * Scans a media now, whatever earlier scans found: its serving content and all held content. The result applies to every media with
   * the same bytes. Content that was released stays released.
   * @throws MediaError MEDIA_ABSENT; MEDIA_UNSUPPORTED `no-scanner`; MEDIA_CONFLICT `no-digest` for an external object that was not read yet;
   * the scanner's error
   */
  rescan(ref: MediaRef, options?: Call): Promise<Media>
  /** Starts a load into a serving tier, unless the media is there or loading; all callers share one fetch. Does not wait for it. */
  warm(ref: MediaRef, options?: Call): Promise<Availability>
  usage(by: 'owner' | 'type' | 'tier', options?: Call): Promise<readonly UsageRow[]>
  in(namespace: string): MediaStore
  /**
   * Throws what `put` with these options would throw before the first byte: limits, type, conditions, space.
   * Transports call it before they answer `Expect: 100-continue`.
   */
  admit(options: PutOptions): Promise<void>
  readonly uploads: UploadSessions
  readonly tiers: Tiering
  readonly upkeep: Upkeep
  health(): Promise<HealthReport>
  /** Events from now on, until the store is closed. At most 1,024 wait: a slow consumer loses the oldest. */
  events(): AsyncIterable<MediaEvent>
  /** Refuses new calls, waits up to `graceMs` (default 10,000) for calls in progress, aborts the others, frees all resources. Idempotent. */
  close(options?: { readonly graceMs?: number }): Promise<void>
}
