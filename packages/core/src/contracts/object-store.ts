import type { Readable } from 'node:stream'
import type { ByteRange, ByteSource, Digest } from './bytes.ts'
import type { Call, CallCause } from './call.ts'

/**
 * A condition on a write, as one union so that two cannot contradict.
 * @see RFC 9110 section 13.1.1 (If-Match) and 13.1.2 (If-None-Match), which `match` and `absent` mirror.
 */
export type WriteCondition = { readonly type: 'absent' } | { readonly type: 'match'; readonly etag: string }

/** What an acknowledged write survives. `none`: nothing; `file`: kill -9 of the process; `durable`: power loss, too. */
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
  /** `ignored`: the backend accepts `when` but does not enforce it, so do not rely on it. */
  readonly conditionalPut: 'enforced' | 'ignored'
  /** The store (or its client) retries by itself; `withRetry` then refuses to wrap it. */
  readonly retries: boolean
  /** `key`: `list` returns keys in ascending byte order; `none`: in another order, which is the same in every call. */
  readonly listOrder: 'key' | 'none'
  /** Once `put` has resolved, the store no longer reads the buffers of its source, so they may be reused. Absent: not known. */
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
  /** Name of the store that holds the object, when a composed store chose among several. */
  readonly storedIn?: string
}

export interface PutObjectOptions extends Call {
  readonly when?: WriteCondition
  readonly contentType?: string
  readonly metadata?: Readonly<Record<string, string>>
  /** Digest of the bytes. The store refuses other bytes with MEDIA_DIGEST_MISMATCH and keeps nothing. */
  readonly checksum?: Digest
}

export interface GetObjectOptions extends Call {
  /** Clamped to the object's end; a start at or past the end throws MEDIA_RANGE. */
  readonly range?: ByteRange
}

/** An object that was opened for reading. Read it to the end or dispose it: either frees its resources. */
export interface ObjectReader extends AsyncDisposable {
  readonly head: ObjectHead
  /** The bytes that will be read, after clamping. */
  readonly range: ByteRange
  /** The bytes. May be called once: a second call throws MEDIA_BAD_INPUT. */
  stream(): Readable
}

export interface DeleteResult {
  readonly key: string
  /** Present when this key could not be deleted; the others were still tried. */
  readonly error?: Error
}

export interface ListObjectsOptions extends Call {
  readonly prefix?: string
  /** `cursor` of the previous page. Opaque. */
  readonly cursor?: string
  /** Objects a page, 1 to 1000. Default 1000. */
  readonly limit?: number
}

export interface ObjectPage {
  readonly objects: readonly ObjectHead[]
  /** Present when there may be more objects. With some backends the page after a full one can be empty. */
  readonly cursor?: string
}

/** Writes an object of unknown length. Nothing is visible under the key before `commit`. */
export interface ObjectWriter {
  /** Resolves when the writer may be given more; it may still hold the bytes in memory. */
  write(chunk: Uint8Array): Promise<void>
  commit(options?: PutObjectOptions): Promise<ObjectHead>
  /** Discards all that was written. Idempotent; does nothing after `commit`. */
  abort(): Promise<void>
}

export interface SweepUploadsOptions extends Call {
  /** Only uploads begun longer ago than this are ended: younger ones may still be in progress. */
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
  /** Must be sent unchanged. */
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

/** One request that was sent to a backend, whatever its result. Each retry, page and part is a request of its own. */
export interface StoreAttempt {
  readonly class: AttemptClass
  readonly cause: CallCause
  /** Bytes of the object that were sent (put, part) or received (get), as far as they came. */
  readonly bytes: number
  /** Absent when no answer came. */
  readonly status?: number
  readonly durationMs: number
}

/** An object whose parts somebody else uploads by signed URLs. Nothing is visible under the key before `complete`. */
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
 * Uploads whose parts somebody else sends straight to the backend. Only the store begins, completes and ends such an upload. Whoever has
 * the signed URL of a part can write that part any number of times until then, and never after.
 */
export interface DirectParts {
  readonly maxParts: number
  /** Largest part. Every part except the last has at least `traits.minPartBytes`. */
  readonly maxPartBytes: number
  begin(key: string, options?: Call & { readonly contentType?: string }): Promise<PartsUpload>
  sign(upload: PartsUpload, part: SignPartOptions): Promise<SignedRequest>
  /** The parts that the backend has, by number. `undefined` when it knows no such upload: it was completed, ended, or never begun. */
  list(upload: PartsUpload, options?: Call): Promise<readonly StoredPart[] | undefined>
  /**
   * Makes the object from these parts, in the order of their numbers; other parts are discarded. `undefined` when the backend knows no such
   * upload, which may mean that it was completed before.
   * @throws MediaError MEDIA_CONFLICT `part-changed` when a part is absent or was replaced; otherwise as `put`
   */
  complete(
    upload: PartsUpload,
    parts: readonly Pick<StoredPart, 'number' | 'etag'>[],
    options?: Call,
  ): Promise<ObjectHead | undefined>
  /** Ends every upload of this key, also one whose id was lost. Idempotent. An object under the key stays. */
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
  /** A value that changes whenever another program may have changed the bytes. Synchronous and cheap. Throws when that cannot be known. */
  stamp(): string
  /** Closes the file once reads in progress have ended. */
  close(): Promise<void>
}

/** Options of `ObjectStore.adopt`. */
export interface AdoptOptions extends PutObjectOptions {
  /** The file stays under its name, and may share its bytes with the object: do not write to it any more. Default false. */
  readonly keepsFile?: boolean
}

/** Bytes on their way in, counted against the staging budget until `discard` or until a store adopted them. */
export interface StagedBody extends ByteSource {
  /** Adopt it with `keepsFile`: the file is needed until the object is recorded. */
  readonly keepsFile?: boolean
  /** The staging file, if there is one: `ObjectStore.adopt` can take it over. */
  readonly path?: string
  /** Removes the bytes and frees their budget. Idempotent. Leaves bytes that a store adopted. */
  discard(): Promise<void>
}

export interface StagingWriter {
  /** The chunk may be reused by the caller once this has resolved. */
  write(chunk: Uint8Array): Promise<void>
  /** Ends the writing: the body can be read from now on. It is durable only once a store has adopted or copied it. */
  finish(digest: Digest): Promise<StagedBody>
  /** Removes what was written; idempotent. */
  abort(): Promise<void>
  /** Reads what was written so far, for readers that do not wait for the end. */
  follow?(): StagedFollower
}

/** Reads a staged body while it is still being written. The bytes stay readable until it is closed, even after a store adopted them. */
export interface StagedFollower {
  /** From the start of the body; grows while it is written, to all of it by `finish`. */
  readonly availableBytes: number
  /** Fills `buffer` from `position` with bytes that are available. @throws MediaError MEDIA_BAD_INPUT `staging-ended` when they were removed. */
  read(buffer: Uint8Array, position: number): Promise<number>
  /** Idempotent. */
  close(): void
}

/** Space for bodies whose digest is not known yet, on the file system of the volume that will adopt them. */
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
  /** Removes files of sessions that have ended. `keep` says whether the session of a name still exists. @returns how many were removed */
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
   * Reads the identity from the volume itself, at each call. Throws MEDIA_UNAVAILABLE `volume-offline` when the marker is missing. A store
   * without this member is identified by the name of its tier only: a wrong or emptied store in its place goes unnoticed.
   */
  identity?(): Promise<VolumeIdentity>
  presign?(key: string, options: PresignOptions): Promise<SignedRequest>
  /** Uploads whose parts others send straight to the backend. Only together with `presign`. */
  readonly directParts?: DirectParts
  createWriter?(key: string, options?: Call): Promise<ObjectWriter>
  /**
   * Ends unfinished uploads of this volume, and of no other, that are older than `olderThanMs`.
   * @returns how many were ended
   * @throws MediaError MEDIA_BAD_INPUT when the age is not a whole number of 0 or more.
   */
  sweepUploads?(options: SweepUploadsOptions): Promise<number>
  /** Takes over a local file as the object `key`, by rename if possible, else by reflink or copy. As durable as `put`. */
  adopt?(key: string, filePath: string, options?: AdoptOptions): Promise<ObjectHead>
  /** Path of the object's file on this host, so that a proxy can serve it. Does not check that it exists. */
  localPath?(key: string): string
  /** Positional reads; `undefined` when absent. */
  openFile?(key: string, options?: Call): Promise<ObjectFile | undefined>
  /**
   * Fills `buffer` from `position` synchronously and returns what `ObjectFile.stamp` returns after that. For bytes that were read a short
   * while ago and are likely in memory. Never throws: returns `undefined`, with undefined content of the buffer, when the bytes may have to
   * be waited for, are too few, or cannot be read. Use `openFile` then, which reads them or throws the reason.
   */
  readNow?(key: string, buffer: Uint8Array, position: number): string | undefined
  /**
   * Calls the listener, synchronously, for every request to the backend once it has ended (a `get` when its body has). Errors of the
   * listener are ignored. A store that is composed of others reports the requests of all of them.
   * @returns a function that stops it
   */
  observe?(listener: (attempt: StoreAttempt) => void): () => void
  /** Staging on the same file system, so that adopting is a rename. */
  readonly staging?: Staging
  /** What a lost catalog is rebuilt from. */
  readonly journal?: Journal
}
