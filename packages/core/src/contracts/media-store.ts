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

/** An open media. Dispose it, or read one of its bodies to the end; disposed unread it leaks nothing. */
export interface MediaReader extends AsyncDisposable {
  readonly media: Media
  /** The bytes that will be given. */
  readonly range: ByteRange
  /** Length of `range`. */
  readonly sizeBytes: number
  /** Strong validator without quotes: from the digest of the whole content. */
  readonly etag: string
  readonly tier: string
  /**
   * The bytes when they are in memory already and verified: nothing needs to be awaited. Others are served the same ones:
   * they must not be changed.
   */
  readonly buffered: Uint8Array | undefined
  /** Verified bytes. Errors with MEDIA_CORRUPT before its end when the stored bytes are damaged. Once. */
  stream(): Readable
  web(): ReadableStream<Uint8Array>
  /** @throws MediaError MEDIA_TOO_LARGE when `sizeBytes` is over `maxBytes`. */
  bytes(options: { readonly maxBytes: number }): Promise<Uint8Array>
  /**
   * Writes everything to `destination` with back-pressure and without ending it: the quickest way out.
   * Rejects when the destination closes early or `signal` aborts; verified like `stream`.
   */
  writeTo(destination: Writable, options?: { readonly signal?: AbortSignal }): Promise<void>
}

export interface ListAllQuery extends Omit<MediaQuery, 'cursor' | 'limit'> {}

export interface GarbageProgress {
  readonly condemned: number
  readonly freedObjects: number
  readonly freedBytes: number
  /** Objects without a row, found by a thorough run: they leave from now on and are freed after the grace. */
  readonly orphans: number
  /** Objects whose names are none of ours: left alone. */
  readonly foreign: number
  /** Objects of records that the catalog has lost and a journal knows: left alone, `rebuildCatalog` brings them back. */
  readonly recoverable: number
  /** Uploads in parts that nobody finished, ended by a thorough run. */
  readonly endedUploads: number
  /** What a dry run found; it comes once. */
  readonly plan?: GarbagePlan
}
export interface ExpireProgress {
  readonly expiredSessions: number
  readonly removedStagingFiles: number
}

export interface CollectOptions extends Call {
  /**
   * How long a blob must have been without references before its bytes may go. Default 1 hour. On tiers with `directUrls` 15
   * minutes at least, which is how long addresses live that were given out; the plan of a dry run counts by what is given here.
   */
  readonly graceMs?: number
  /** Tells what a run would do now, and changes nothing. Default false. */
  readonly dryRun?: boolean
  /**
   * Looks at every blob, not only at those that are known to have lost a reference, and lists the volumes for objects that
   * no row names. Default false.
   */
  readonly thorough?: boolean
  /** How long ago an upload in parts must have been begun before a thorough run ends it: a whole number, 0 or more. Default 7 days. */
  readonly uploadsOlderThanMs?: number
  /** Goes on where a brake would stop: a fifth of all objects at once (from 1,000 on), or no record left. Default false. */
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
   * `content` (default): the SHA-256 of all bytes is the digest they are named by. `stored`: the bytes as they are stored have the
   * size and the CRC-32 sums that were taken when they came.
   */
  readonly mode?: 'content' | 'stored'
  /** Makes a new copy of what is damaged, from a good one on another volume. Default false. */
  readonly repair?: boolean
  /** From the progress of an earlier run: goes on behind it. */
  readonly cursor?: string
  /** Bytes read a second at most, on average. Default: as fast as it goes. */
  readonly bytesPerSecond?: number
  /** Reads copies on paid volumes too. Default true; the background leaves them out. */
  readonly paid?: boolean
  /** Leaves out copies that were verified, or written, later than this. */
  readonly notVerifiedSince?: Date
}

/** Totals so far; `damaged` is what came since the progress before. */
export interface VerifyProgress {
  readonly checkedObjects: number
  readonly checkedBytes: number
  /** Bytes on the volumes when it began: an estimate of the whole. */
  readonly totalBytes: number
  readonly damaged: readonly DamagedCopy[]
  readonly damagedObjects: number
  readonly repairedObjects: number
  /** Volumes that could not be looked at: nothing is said about what they hold. */
  readonly offlineVolumes: readonly string[]
  /** Resumes behind all that was checked. */
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
  /** Journals whose lines a snapshot of the records took the place of. */
  readonly compacted: number
}

export interface RebuildOptions extends Call {
  /** Makes a media of every object that no line names, with owner `''` and a file name from its digest. Default false: they are left. */
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
  /** Records that the catalog had, in the same or a later revision. */
  readonly alreadyThere: number
  readonly lostMedia: number
  /** Those found since the last progress. */
  readonly lost: readonly LostMedia[]
  /** Media whose only copies are on volumes that are not here: put back by a further run, once they are. */
  readonly unreachableMedia: number
  /** Objects that neither the catalog nor a line names. */
  readonly unknownObjects: number
  /** Of them, those that became media. */
  readonly adoptedObjects: number
  /** Lines that could not be used. */
  readonly damagedLines: number
  /** Ids of volumes that are known and not here. */
  readonly offlineVolumes: readonly string[]
}

export interface Upkeep {
  /**
   * Condemns what nothing refers to, and deletes what was condemned long enough ago. Safe beside uploads, in any number of
   * processes at once. Volumes that are offline are left alone.
   * @throws MediaError MEDIA_CONFLICT `gc-brake`, before anything is deleted, when so much would go that it looks like a mistake;
   * MEDIA_BAD_INPUT `bad-amount` for an age of uploads that is no whole number, or below 0.
   */
  collectGarbage(options?: CollectOptions): AsyncIterable<GarbageProgress>
  /** Ends sessions past their time and removes what they left. */
  expire(options?: Call): AsyncIterable<ExpireProgress>
  /**
   * Replaces the lines of a volume's journal by one for each record, where the journal is behind or has grown to several
   * times what that takes. Safe beside all else, in any number of processes.
   */
  compactJournals(options?: Call): AsyncIterable<JournalProgress>
  /**
   * Reads every copy on the volumes of this host and compares. A damaged one is quarantined: never served again, and never
   * deleted while its blob is in use. @throws MediaError MEDIA_BAD_INPUT `bad-cursor`
   */
  verify(options?: VerifyOptions): AsyncIterable<VerifyProgress>
  /**
   * Has bytes looked at by the scanner: those that wait for it, or also those that were looked at by an older database. What is found
   * is held back from then on, whoever owns it. @throws MediaError MEDIA_UNSUPPORTED `no-scanner`
   */
  scan(options?: ScanOptions): AsyncIterable<ScanProgress>
  /** Makes the copies that `minCopies` asks for and that are missing, each from a good one that is checked on the way. */
  repair(options?: Call): AsyncIterable<RepairProgress>
  /**
   * Fills an empty catalog, or one that is behind, from the journals and objects of the volumes. What the catalog has in the
   * same or a later revision stays, and nothing is deleted. Safe to repeat, and beside all else.
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
  /** Sum over records: what owners see. */
  readonly logicalBytes: number
  /** Sum over distinct blobs: what disks see. */
  readonly storedBytes: number
}

export interface SignOptions {
  readonly expiresAt: Date
  readonly variant?: string
  /** Served as attachment. */
  readonly download?: boolean
  /**
   * An address of the bucket itself, where the nearest copy lies in a tier with `directUrls`; else one of our own. It lives for
   * 15 minutes at most, and reads by it are neither verified nor counted: each address is booked as one whole read. Default false.
   */
  readonly direct?: boolean
}

/** Where a copy lies that serves now. */
export interface MediaPlace {
  readonly volumeId: string
  readonly tier: string
  /** Full name in the volume's store. Never shown to clients. */
  readonly objectKey: string
}

/** All that is to be known before a read may begin, from one look. */
export interface MediaLocation {
  /** `undefined` when the catalog does not know it. */
  readonly media: Media | undefined
  readonly availability: Availability
  /** Present when it is `ready`. */
  readonly place?: MediaPlace
  /** As long as `watch` tells none of these, and no gap, nothing of this was changed by a store that shares these states. */
  readonly names: readonly string[]
}

export interface LocateOptions extends Call {
  /**
   * How long, from the beginning of the call, shared resource states may take. After it the catalog alone says what is so. Default: as
   * long as they take at most.
   */
  readonly statesWithinMs?: number
}

/**
 * What hosts hold. Every call sees the namespace it was made in. `put`, `open`, `update`, `delete`, `list`, `listAll`, `url` and
 * `uploads.create` refuse options that they do not take: MEDIA_BAD_INPUT `unknown-option`.
 */
export interface MediaStore extends AsyncDisposable {
  readonly namespace: string
  /**
   * Takes the bytes, stores them once, and answers when they are as durable as the volume promises.
   * All or nothing: a failure leaves no record, no temporary file and no reservation.
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
  /** The record goes at once, the bytes with garbage collection. Answers whether there was one. */
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
  /** Media linked to many targets in one call; in the order of `targets`, each newest first. */
  linked(
    targets: readonly LinkTarget[],
    options?: Call & { readonly limitPerTarget?: number },
  ): Promise<readonly (readonly Media[])[]>
  link(ref: MediaRef, target: LinkTarget, options?: Call): Promise<void>
  unlink(ref: MediaRef, target: LinkTarget, options?: Call): Promise<void>
  /**
   * A signed address below the store's `publicBaseUrl`; with `direct` perhaps one of a bucket.
   * @throws MediaError MEDIA_ABSENT; MEDIA_BAD_INPUT `bad-expiry` or `no-public-base-url`
   */
  url(ref: MediaRef, options: SignOptions): Promise<URL>
  /** Checks the query of a signed address. @throws MediaError MEDIA_DENIED `signature` or `expired`. */
  verifyUrl(id: string, query: URLSearchParams): { readonly download: boolean; readonly expiresAt: Date }
  /** Where `mediaRouter` is mounted as clients see it, with a slash at its end; `undefined` where nobody said. */
  readonly publicBaseUrl: URL | undefined
  /**
   * The query that lets whoever has it put the bytes of this upload, once, until `expiresAt`.
   * @throws MediaError MEDIA_BAD_INPUT `bad-expiry` for more than 1 hour from now
   */
  signUpload(uploadId: string, options: { readonly expiresAt: Date }): URLSearchParams
  /**
   * Checks that query, as it stands on the request line.
   * @throws MediaError MEDIA_UNAUTHENTICATED `signature-required`; MEDIA_DENIED `signature` or `expired`; MEDIA_BAD_INPUT `bad-expiry`
   */
  verifyUpload(uploadId: string, query: string): { readonly expiresAt: Date }
  /** Never starts a fetch. */
  availability(ref: MediaRef, options?: Call): Promise<Availability>
  /** Record, availability and place from one look, for gates. Never starts a fetch. */
  locate(ref: MediaRef, options?: LocateOptions): Promise<MediaLocation>
  /**
   * Asks whether the copies that serve are still there, and gives up those whose store says that they are not: for readers past this
   * store, such as a proxy that met an absent object. Answers what is so then. One request for each such copy.
   */
  recheck(ref: MediaRef, options?: Call): Promise<Availability>
  /**
   * Tells the names of `MediaLocation` whose media were changed: by this store, and by every other that shares its resource
   * states. `onGap`: some may have been missed; nothing that was found out before is certain. Returns how to stop.
   */
  watch(listener: (names: readonly string[]) => void, options: { readonly onGap: () => void }): () => void
  /**
   * Lets out what a scanner holds back, because somebody looked: every media of the same bytes serves from now on, also those that
   * come later, and no look takes it back. Meant is the newest content of the media that is in quarantine, also one that is to
   * replace another and waits behind it: it serves at once, unless a newer one does. `digest` names another that is held, or one
   * that still waits for a look, and makes sure that nothing goes out but what was looked at.
   * @throws MediaError MEDIA_ABSENT; MEDIA_CONFLICT `not-held`: there is no such content
   */
  release(ref: MediaRef, options?: Call & { readonly digest?: Digest }): Promise<Media>
  /**
   * Has the bytes of a media looked at now, of the content that serves and of all that are held, whatever is known of them, and
   * settles every media that shares them. What was released stays so.
   * @throws MediaError MEDIA_ABSENT; MEDIA_UNSUPPORTED `no-scanner`; MEDIA_CONFLICT `no-digest` for an external object that nobody has read yet;
   * what the scanner throws
   */
  rescan(ref: MediaRef, options?: Call): Promise<Media>
  /** Asks for the bytes to be brought to a serving tier; one fetch for any number of callers. */
  warm(ref: MediaRef, options?: Call): Promise<Availability>
  usage(by: 'owner' | 'type' | 'tier', options?: Call): Promise<readonly UsageRow[]>
  in(namespace: string): MediaStore
  /**
   * Refuses now what `put` with these options would refuse before its first byte: limits, type, conditions, room.
   * Transports call it before they answer `Expect: 100-continue`.
   */
  admit(options: PutOptions): Promise<void>
  readonly uploads: UploadSessions
  readonly tiers: Tiering
  readonly upkeep: Upkeep
  health(): Promise<HealthReport>
  /** Events from now on, at most 1,024 waiting: a slow consumer loses the oldest. Ends at close. */
  events(): AsyncIterable<MediaEvent>
  /** Refuses new calls, waits up to `graceMs` (default 10,000) for those under way, aborts the rest, frees everything. Idempotent. */
  close(options?: { readonly graceMs?: number }): Promise<void>
}
