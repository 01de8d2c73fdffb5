import type { Readable } from 'node:stream'
import type { ByteRange, ByteSource, Digest } from './bytes.ts'
import type { Call, CallCause } from './call.ts'

/**
 * A condition on a write, as one union so that two cannot contradict.
 * @see RFC 9110 section 13.1.1 (If-Match) and 13.1.2 (If-None-Match), which `match` and `absent` mirror.
 */
export type WriteCondition = { readonly type: 'absent' } | { readonly type: 'match'; readonly etag: string }

/** What an acknowledged write survives: nothing, `file`: kill -9 of the process, `durable`: also power loss. */
export type Durability = 'none' | 'file' | 'durable'

/** Facts about a store that callers plan with. They never change while a store is open. */
export interface StoreTraits {
  readonly maxObjectBytes: number
  /** Longest key in UTF-8 bytes. */
  readonly maxKeyBytes: number
  /** Smallest part of a multipart write; 0 where parts do not exist. */
  readonly minPartBytes: number
  /** Calls or bytes cost money. */
  readonly paid: boolean
  /** Other hosts see the same objects. */
  readonly shared: boolean
  readonly durability: Durability
  /** `ignored`: the backend takes `when` without honouring it, so nobody may rely on it. */
  readonly conditionalPut: 'enforced' | 'ignored'
  /** The store (or its client) retries by itself; `withRetry` then refuses to wrap it. */
  readonly retries: boolean
  /** `key`: list is in ascending byte order of keys; `none`: in an order that is stable between calls. */
  readonly listOrder: 'key' | 'none'
  /** When `put` has resolved, nothing reads the memory that its source gave: it may be used again. Absent: not known. */
  readonly keepsNoSource?: true
}

export interface ObjectHead {
  readonly key: string
  readonly sizeBytes: number
  /** Strong validator, without quotes. Changes with every put. */
  readonly etag: string
  readonly modifiedAt: Date
  readonly contentType?: string
  /** Names are lower-case ASCII tokens; values as they were given. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Name of the store that holds it, where a composed store chose one. */
  readonly storedIn?: string
}

export interface PutObjectOptions extends Call {
  readonly when?: WriteCondition
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** The store refuses bytes of another digest with MEDIA_DIGEST_MISMATCH and keeps nothing. */
  readonly checksum?: Digest
}

export interface GetObjectOptions extends Call {
  /** Clamped to the object's end; a start at or past the end throws MEDIA_RANGE. */
  readonly range?: ByteRange
}

/** An open object. Dispose it, or read one of its bodies to the end: either frees all it holds. */
export interface ObjectReader extends AsyncDisposable {
  readonly head: ObjectHead
  /** The bytes that will be given, after clamping. */
  readonly range: ByteRange
  /** The bytes, once. A second call throws MEDIA_BAD_INPUT. */
  stream(): Readable
}

export interface DeleteResult {
  readonly key: string
  /** Present when this key could not be deleted; the others were still tried. */
  readonly error?: Error
}

export interface ListObjectsOptions extends Call {
  readonly prefix?: string
  /** Opaque, from the page before. */
  readonly cursor?: string
  /** Objects a page, 1 to 1000. Default 1000. */
  readonly limit?: number
}

export interface ObjectPage {
  readonly objects: readonly ObjectHead[]
  /** Present when there is more; behind a full page of some backends also where there is none, and the next page is empty. */
  readonly cursor?: string
}

/** Writes an object of unknown length. Nothing is visible under the key before `commit`. */
export interface ObjectWriter {
  /** Resolves when the writer may be given more; it may still hold the bytes in memory. */
  write(chunk: Uint8Array): Promise<void>
  commit(options?: PutObjectOptions): Promise<ObjectHead>
  /** Drops all that was written; idempotent; after `commit` does nothing. */
  abort(): Promise<void>
}

export interface SweepUploadsOptions extends Call {
  /** Younger ones may still be under way. */
  readonly olderThanMs: number
}

export interface PresignOptions extends Call {
  readonly method: 'GET' | 'HEAD' | 'PUT'
  readonly expiresAt: Date
  readonly response?: {
    readonly contentType?: string
    readonly disposition?: string
    readonly cacheControl?: string
  }
  /** Bound into the signature of a PUT, so that other bytes are refused. */
  readonly exact?: { readonly sizeBytes?: number; readonly sha256?: string; readonly ifAbsent?: boolean }
}

export interface SignedRequest {
  readonly method: string
  readonly url: URL
  /** Must be sent as they stand. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * What a request to a backend is billed as. `part`: one part of a multipart write; `multipart`: its creation and its completion;
 * `abort`: its end without an object; `other`: requests about buckets.
 */
export type AttemptClass =
  | 'get'
  | 'head'
  | 'put'
  | 'part'
  | 'multipart'
  | 'abort'
  | 'copy'
  | 'list'
  | 'delete'
  | 'other'

/** One request that left for a backend, whatever became of it: each retry, page and part is one of its own. */
export interface StoreAttempt {
  readonly class: AttemptClass
  readonly cause: CallCause
  /** Bytes of the object that were sent (put, part) or received (get), as far as they came. */
  readonly bytes: number
  /** Absent when no answer came. */
  readonly status?: number
  readonly durationMs: number
}

/** An object that somebody else sends in parts, by addresses the store signs. Nothing is visible under the key before `complete`. */
export interface PartsUpload {
  readonly key: string
  readonly uploadId: string
}

/** A part as the backend holds it. */
export interface StoredPart {
  /** 1 to `maxParts`. */
  readonly number: number
  readonly sizeBytes: number
  /** Strong validator, without quotes. */
  readonly etag: string
}

export interface SignPartOptions {
  readonly number: number
  /** Bound into the signature: a part of another length is refused. */
  readonly sizeBytes?: number
  readonly expiresAt: Date
}

/**
 * Objects whose parts somebody else sends straight to the backend. Only the store begins, completes and ends them: whoever holds an
 * address of a part can write that part, as often as he likes, until the upload is completed or ended, and nothing after that.
 */
export interface DirectParts {
  readonly maxParts: number
  /** Of a part. The smallest, but of the last one, is `traits.minPartBytes`. */
  readonly maxPartBytes: number
  begin(key: string, options?: Call & { readonly contentType?: string }): Promise<PartsUpload>
  sign(upload: PartsUpload, part: SignPartOptions): Promise<SignedRequest>
  /** What the backend holds, by number. `undefined` when it knows no such upload: it was completed, ended, or never begun. */
  list(upload: PartsUpload, options?: Call): Promise<readonly StoredPart[] | undefined>
  /**
   * Makes the object of these parts, in the order of their numbers; others are dropped. `undefined` as for `list`, where the backend does
   * not remember that it made it.
   * @throws MediaError MEDIA_CONFLICT `part-changed` when a part is not there, or is another by now; as `put`
   */
  complete(
    upload: PartsUpload,
    parts: readonly Pick<StoredPart, 'number' | 'etag'>[],
    options?: Call,
  ): Promise<ObjectHead | undefined>
  /** Ends every upload of this key, also one whose beginning nobody heard of; idempotent. An object under the key stays. */
  abort(key: string, options?: Call): Promise<void>
}

/** Positional reads of one open object: what ranges and pooled reads are made from. */
export interface ObjectFile {
  readonly sizeBytes: number
  /**
   * Fills `buffer` from `position`. Resolves with the bytes read, fewer only at the end of the object.
   * Calls may overlap.
   */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Changes whenever the bytes may have changed under us; synchronous and cheap. Throws when that cannot be told. */
  stamp(): string
  /** Frees the handle once reads under way have ended. */
  close(): Promise<void>
}

/** Bytes on their way in, counted against the staging budget until `discard` or until a store adopted them. */
export interface AdoptOptions extends PutObjectOptions {
  /** The file keeps its name, and may share its bytes with the object: nobody writes to it any more. Default false. */
  readonly keepsFile?: boolean
}

export interface StagedBody extends ByteSource {
  /** The file is needed until the object is somebody's: to be adopted with `keepsFile`. */
  readonly keepsFile?: boolean
  /** The staging file, where there is one: `ObjectStore.adopt` takes it over. */
  readonly path?: string
  /** Removes the bytes and frees their budget; idempotent; does nothing to the bytes after an adopt. */
  discard(): Promise<void>
}

export interface StagingWriter {
  /** The chunk may be reused by the caller once this has resolved. */
  write(chunk: Uint8Array): Promise<void>
  /** No more bytes: what was written can be opened from now on. Durable only when a store adopted or copied it. */
  finish(digest: Digest): Promise<StagedBody>
  /** Removes what was written; idempotent. */
  abort(): Promise<void>
  /** Reads what was written so far, for readers that do not wait for the end. */
  follow?(): StagedFollower
}

/** Sees a staged body grow, and keeps its bytes readable until it is closed, also after they were adopted. */
export interface StagedFollower {
  /** From the start of the body; grows while it is written, to all of it by `finish`. */
  readonly availableBytes: number
  /** Fills `buffer` from `position` with bytes that are available. @throws MediaError MEDIA_BAD_INPUT `staging-ended` when they were removed. */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Idempotent. */
  close(): void
}

/** Room for bodies whose digest is not known yet, beside the volume that will adopt them. */
export interface Staging {
  /**
   * Reserves `sizeBytes` (grows while writing when the length is unknown).
   * @throws MediaError MEDIA_BUSY over the budget, MEDIA_NO_SPACE when the file system has no room for it.
   */
  create(options: {
    readonly name: string
    readonly sizeBytes?: number
    readonly signal?: AbortSignal
  }): Promise<StagingWriter>
  /** Bytes now reserved or written. */
  readonly usedBytes: number
  readonly budgetBytes: number
  /** Removes files left by sessions that no longer live. `keep` answers whether a name's session still does. */
  sweep(keep: (name: string) => boolean | Promise<boolean>): Promise<number>
  /** Bodies that come in pieces. */
  readonly partials?: Partials
}

/**
 * Bodies that come in pieces, over days, restarts and processes: what was synced survives kill -9 and power cuts. They do not count
 * against the budget of staging; whoever opens one has reserved room on the volume. `sweep` of the staging removes what is left of
 * names that are not kept.
 */
export interface Partials {
  /**
   * Opens a part for writing, and makes it where there is none; its first bytes may be there already. A name is the id of a session.
   * That there is one writer at a time to one part is the caller's duty.
   * @throws MediaError MEDIA_NO_SPACE when the file system has no room for `sizeBytes`; MEDIA_CONFLICT `part-taken` when the bytes are an
   * object's by now
   */
  open(part: PartialPart & { readonly sizeBytes?: number }): Promise<PartialWriter>
  /**
   * The first `sizeBytes` of a part, to be read, or taken over by `adopt` where it has a `path` (the part is cut to this length then).
   * `undefined` when there is no such part. @throws MediaError MEDIA_CORRUPT `part-short` when it is shorter; MEDIA_CONFLICT `part-taken`
   * when it is longer, and an object's by now
   */
  find(
    part: PartialPart & { readonly sizeBytes: number; readonly digest?: Digest },
  ): Promise<StagedBody | undefined>
  /** Idempotent. */
  delete(part: PartialPart): Promise<void>
}

export interface PartialPart {
  readonly name: string
  /** 0 or more: parts of one name are separate bytes. */
  readonly part: number
}

export interface PartialWriter {
  /**
   * The chunk may be reused by the caller once this has resolved. Positions may be in any order; several may be under way. Bytes may be
   * gathered: that they could not be written is then told by a later call.
   */
  write(chunk: Uint8Array, position: number): Promise<void>
  /** All writes that have resolved are durable when it resolves; the name too. */
  sync(): Promise<void>
  /**
   * After a write that failed: makes what came before it durable, as `sync` would, and answers up to which position that is.
   * `undefined` where no write has failed.
   */
  salvage?(): Promise<number | undefined>
  /** Waits for writes under way. The bytes stay. Idempotent. */
  close(): Promise<void>
}

/** Part of a journal. */
export interface JournalPiece {
  readonly lines: readonly string[]
  /** Lines that were torn or changed since they were written: counted, not given. */
  readonly damaged: number
}

/**
 * Lines kept on the volume beside its objects, written by every process that uses it: what a lost catalog is rebuilt from.
 * A line is text without control characters, as `JSON.stringify` makes it.
 */
export interface Journal {
  /**
   * Adds one line. Resolves when it survives kill -9; a power cut may take the lines of the last second.
   * Lines of one turn of the event loop are one write.
   * @throws MediaError MEDIA_BAD_INPUT `bad-line`; otherwise as `put`. The line is then not kept, and `isBehind` says so.
   */
  append(line: string): Promise<void>
  /** Every whole line of every process; of one process in the order of its appends. A line may come twice beside a `compact`. */
  read(options?: Call): AsyncIterable<JournalPiece>
  /** Bytes on the volume, of all processes. */
  size(): Promise<number>
  /** A snapshot is due whatever the size: there is none yet, or some process could not keep a line since the last. */
  isBehind(): Promise<boolean>
  /**
   * `snapshot` takes the place of every line, of any process, that was appended before its first line was asked for.
   * At every moment, also after a crash or a failure, the old lines or the whole snapshot can be read.
   * @throws what `snapshot` throws
   */
  compact(snapshot: AsyncIterable<string>): Promise<void>
}

/** Identity of a volume, kept with its bytes so that a foreign or unmounted disk is never taken for ours. */
export interface VolumeIdentity {
  readonly id: string
  readonly layout: number
}

/**
 * What adapters implement: bytes under keys. No hashing policy, no sniffing, no names of users.
 *
 * - `put` is all or nothing, also after a crash; a reader never sees a partial object.
 * - `get` and `head` answer `undefined` only when the backend said "absent"; every other failure throws a MediaError.
 * - `delete` is idempotent: deleting what is absent succeeds.
 * - A member that is optional and present is the capability; there are no flags beside it.
 */
export interface ObjectStore extends AsyncDisposable {
  readonly name: string
  readonly traits: StoreTraits
  /**
   * @throws MediaError MEDIA_PRECONDITION when `when` does not hold, MEDIA_DIGEST_MISMATCH, MEDIA_TOO_LARGE,
   * MEDIA_NO_SPACE, MEDIA_BAD_INPUT (key, or a source that gives another length than it declares) or MEDIA_UNAVAILABLE;
   * the source's own error, itself or as a cause.
   */
  put(key: string, source: ByteSource, options?: PutObjectOptions): Promise<ObjectHead>
  /** @throws MediaError MEDIA_RANGE when the range starts at or past the end. */
  get(key: string, options?: GetObjectOptions): Promise<ObjectReader | undefined>
  head(key: string, options?: Call): Promise<ObjectHead | undefined>
  delete(key: string, options?: Call): Promise<void>
  /** One answer per key, in the order given. */
  deleteMany(keys: readonly string[], options?: Call): Promise<readonly DeleteResult[]>
  /** An object put before the first page and not deleted is on exactly one page. */
  list(options?: ListObjectsOptions): Promise<ObjectPage>
  /** Ends what is under way and frees everything; idempotent. Calls after it throw MEDIA_CLOSED. */
  close(): Promise<void>

  /** Checks that the store can be used, before the first call. */
  open?(): Promise<void>
  /**
   * Reads the identity from the volume itself, each time. Throws MEDIA_UNAVAILABLE `volume-offline` where the marker is missing. A store
   * without it is known by the name of its tier: nothing tells then that another one, or an emptied one, is in its place.
   */
  identity?(): Promise<VolumeIdentity>
  presign?(key: string, options: PresignOptions): Promise<SignedRequest>
  /** Bodies that others send in parts. Only beside `presign`. */
  readonly directParts?: DirectParts
  createWriter?(key: string, options?: Call): Promise<ObjectWriter>
  /**
   * Ends uploads of this volume, and of no other, that were begun longer ago than this and never became an object.
   * @returns how many were ended
   * @throws MediaError MEDIA_BAD_INPUT for an age that is no whole number, or below 0.
   */
  sweepUploads?(options: SweepUploadsOptions): Promise<number>
  /** Takes over a local file under `key`, as durable as `put`: by rename where it can, else by reflink or copy. */
  adopt?(key: string, filePath: string, options?: AdoptOptions): Promise<ObjectHead>
  /** Path of the object's bytes on this host, for offload. Does not say that it exists. */
  localPath?(key: string): string
  /** Positional reads; `undefined` when absent. */
  openFile?(key: string, options?: Call): Promise<ObjectFile | undefined>
  /**
   * Fills `buffer` from `position` at once, on this thread, and answers the stamp that `ObjectFile.stamp` gives after that.
   * For bytes that were read a short while ago. `undefined` when they may have to be waited for, are too few, or cannot be
   * read: `openFile` then reads them, or tells what is wrong. Never throws; the buffer's content then means nothing.
   */
  readNow?(key: string, buffer: Uint8Array, position: number): string | undefined
  /**
   * Tells of every attempt once it is over (a `get` when its body is), synchronously. What the listener throws is swallowed.
   * Of a store that composes others, those of all of them.
   * @returns how to stop
   */
  observe?(listener: (attempt: StoreAttempt) => void): () => void
  /** Staging on the same file system, so that adopting is a rename. */
  readonly staging?: Staging
  /** What a lost catalog is rebuilt from. */
  readonly journal?: Journal
}
