import type { Body, Digest, JsonObject } from './bytes.ts'
import type { Call } from './call.ts'
import type { LatePutOptions, Media, MediaId, PutOptions } from './media.ts'
import type { SignedRequest, StoredPart } from './object-store.ts'

/** How the bytes of an upload arrive. `direct`: the sender puts them straight into a bucket. */
export type UploadDoor = 'presigned' | 'chunked' | 'tus' | 'direct'

/**
 * created → receiving → received → verifying → scanning → active, or quarantined if the scanner found something.
 * rejected: a check refused the bytes; aborted: the sender ended it; expired: its time ran out. Final are active, rejected, aborted and expired.
 */
export type UploadState =
  | 'created'
  | 'receiving'
  | 'received'
  | 'verifying'
  | 'scanning'
  | 'active'
  | 'rejected'
  | 'quarantined'
  | 'expired'
  | 'aborted'

/** Options for the record that the upload will make. */
export type UploadPutOptions = Pick<PutOptions, keyof LatePutOptions | 'contentType' | 'digest'>

export interface CreateUpload extends Call, UploadPutOptions, Pick<PutOptions, 'owner'> {
  readonly door: UploadDoor
  /** Length of the whole body, for which space and quota are reserved now. Required, except for `tus` and `direct`. */
  readonly sizeBytes?: number
  /** For `chunked`: bytes of every chunk except the last, 256 KiB to 64 MiB. Default 8 MiB. */
  readonly chunkBytes?: number
  /**
   * For `direct`: whether the sender puts the body into the bucket in parts, several at a time, which the store then completes. `exact`:
   * every part except the last has `partBytes`, enforced by its signed URL; `any`: the sender chooses the sizes; `none`: one request for the
   * whole body. Default: `exact` from 100 MiB on if the bucket supports it, else `none`.
   */
  readonly parts?: 'exact' | 'any' | 'none'
  /** For `exact`: 5 MiB to 5 GiB, within the bucket's limits. Default 16 MiB, or more if the body would need over 10,000 parts. */
  readonly partBytes?: number
  /**
   * How long after its last bytes the upload expires. Default 24 hours. For `presigned`, and `direct` without parts: default 15 minutes, at
   * most 1 hour.
   */
  readonly ttlMs?: number
  /** A part of a later upload: it never becomes a media by itself. */
  readonly partial?: boolean
  /** Data that the transport keeps with the upload: at most 16 KiB as JSON. */
  readonly extra?: JsonObject
}

/** A snapshot of an upload. */
export interface Upload {
  /** 128 random bits: cannot be guessed, so it may be part of URLs. */
  readonly id: string
  /** The id of the media that it will become. */
  readonly mediaId: MediaId
  readonly namespace: string
  readonly door: UploadDoor
  readonly owner: string
  readonly state: UploadState
  /** How many bytes are durable: from the start, or for `chunked` in all chunks together. */
  readonly offsetBytes: number
  readonly sizeBytes?: number
  readonly digest?: Digest
  readonly chunkBytes?: number
  /** Present for `direct` in parts. `partBytes`: size of every part except the last; absent if the sender chooses. */
  readonly parts?: { readonly partBytes?: number }
  /** For `chunked`: indexes of the durable chunks, ascending. */
  readonly chunks?: readonly number[]
  readonly partial: boolean
  readonly filename: string
  readonly contentType?: string
  readonly key?: string
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly completedAt?: Date
  /** Why it was rejected. */
  readonly error?: { readonly code: string; readonly reason?: string; readonly message: string }
  readonly extra: JsonObject
}

/** A checksum of one piece, in base64. */
export interface PieceChecksum {
  readonly algorithm: 'sha1' | 'sha256' | 'md5'
  readonly base64: string
}

export interface AppendOptions extends Call {
  /** The offset at which the sender wants to continue: must be that of the upload. */
  readonly offsetBytes: number
  /** Length of this piece, if known: one that does not fit is refused before its bytes are read. */
  readonly pieceBytes?: number
  /** Length of the whole body, if it becomes known only now. May be given once. */
  readonly sizeBytes?: number
  /** Checked after the last byte of the piece: a piece that does not match is discarded whole. */
  readonly checksum?: PieceChecksum | (() => PieceChecksum | undefined)
  readonly onProgress?: (offsetBytes: number) => void
  /**
   * Completes the upload if this piece was the last, without unlocking it in between. A function is called first, once all bytes are there;
   * if it throws, the bytes stay, and the upload can be completed later. Default false.
   */
  readonly complete?: boolean | (() => Promise<void>)
}

/** What `append` answers. */
export interface AppendedUpload extends Upload {
  /** Present when the upload was completed. */
  readonly media?: Media
}

export interface ReceiveOptions extends Call {
  /** Length of the body, if known: one that differs from the upload's is refused before its bytes are read. */
  readonly bodyBytes?: number
  readonly onProgress?: (receivedBytes: number) => void
}

export interface ChunkOptions extends Call {
  readonly index: number
  readonly pieceBytes?: number
  readonly checksum?: PieceChecksum
}

/** A signed URL for one part. */
export interface SignedPart extends SignedRequest {
  readonly number: number
}

export interface CompleteOptions extends Call {
  /** For `direct` in parts: the parts that the sender expects; their ETags are compared with the bucket's. Default: all parts that are there. */
  readonly parts?: readonly { readonly number: number; readonly etag: string }[]
}

/**
 * Uploads whose bytes may arrive in pieces, over days, restarts and several instances. All transports use the same sessions. An upload of
 * another namespace, or an id that is not complete, is treated as absent.
 */
export interface UploadSessions {
  /** The largest size that any policy of the store accepts. */
  readonly maxBytes: number
  /** The uploads in progress in this namespace, calls of `put` among them. */
  list(): Promise<readonly UploadStatus[]>
  /**
   * Begins an upload: checks what can be checked without the bytes, and reserves space and quota.
   * @throws MediaError as `admit`; MEDIA_UNSUPPORTED `direct-unsupported` when no bucket can sign URLs; MEDIA_QUOTA; MEDIA_NO_SPACE;
   * MEDIA_RATE_LIMITED `too-many-uploads` when the owner has too many open; MEDIA_BAD_INPUT
   */
  create(options: CreateUpload): Promise<Upload>
  /** `undefined` when there is none, or it was removed after it expired. */
  get(id: string, options?: Call): Promise<Upload | undefined>
  /** As `get`, by the id of the media that it will become. `undefined` for an upload that replaces the bytes of a media. */
  ofMedia(mediaId: MediaId, options?: Call): Promise<Upload | undefined>
  /**
   * Adds a piece at the end. Bytes that arrived are kept even if the sender breaks off: they are durable when this resolves or rejects.
   * The body is not read when the offset is wrong.
   * @throws MediaError MEDIA_ABSENT; MEDIA_GONE `upload-expired`; MEDIA_CONFLICT `offset-mismatch`, `upload-ended`, `size-known`;
   * MEDIA_LOCKED `upload-locked` while another sender is sending; MEDIA_TOO_LARGE `entity-too-large` (nothing of the piece
   * is kept when its length was given); MEDIA_DIGEST_MISMATCH `checksum-mismatch`; MEDIA_TYPE_REFUSED by the first bytes, which rejects the upload
   */
  append(id: string, body: Body, options: AppendOptions): Promise<AppendedUpload>
  /**
   * Takes the whole body in one piece and makes the media: the fastest way. Nothing of a body that breaks off is kept, and it may be sent
   * again. @throws as `append` and `complete`; MEDIA_CONFLICT `upload-begun` when pieces have arrived before
   */
  receive(id: string, body: Body, options?: ReceiveOptions): Promise<Media>
  /** Writes one chunk. Chunks may come in any order and concurrently; a chunk that is sent again replaces the earlier one. @throws as `append`; MEDIA_BAD_INPUT `bad-chunk` */
  putChunk(id: string, body: Body, options: ChunkOptions): Promise<Upload>
  /**
   * Checks the whole body and makes the media. Idempotent: a second call returns the same media.
   * @throws MediaError MEDIA_CONFLICT `upload-incomplete`; what `put` throws for bytes that it refuses, which rejects the upload. For `direct`
   * in parts also MEDIA_CONFLICT `part-changed`, or `upload-lost` when the bucket dropped it; MEDIA_BAD_INPUT `part-too-small`, `bad-part`
   */
  complete(id: string, options?: CompleteOptions): Promise<Media>
  /**
   * Makes the media from finished partial uploads of the same owner, in this order. The partial uploads stay until they are aborted or
   * expire. `id` must be an upload without bytes. @throws as `complete`; MEDIA_ABSENT, MEDIA_CONFLICT `upload-incomplete` for a part
   */
  concatenate(id: string, parts: readonly string[], options?: Call): Promise<Upload>
  /**
   * The signed request with which the sender of a `direct` upload puts the body into the bucket. It accepts exactly this body, and, where the
   * bucket enforces it, only once. It expires with the upload at the latest. @throws MediaError MEDIA_ABSENT, MEDIA_GONE, MEDIA_CONFLICT `other-door` or `upload-ended`
   */
  address(id: string, options?: Call): Promise<SignedRequest>
  /**
   * Signed URLs of parts, valid for an hour at most. A part may be sent again until the upload is completed. If the size of the parts is not
   * fixed, at most 64 parts beyond those in the bucket are signed. @throws as `address`; MEDIA_BAD_INPUT `bad-part`; MEDIA_TOO_LARGE, MEDIA_QUOTA
   */
  signParts(id: string, numbers: readonly number[], options?: Call): Promise<readonly SignedPart[]>
  /** The parts that the bucket reports. Empty once the upload was completed. @throws as `address` */
  listParts(id: string, options?: Call): Promise<readonly StoredPart[]>
  /**
   * Call it when a bucket reports a new object. If it belongs to a `direct` upload that was not completed yet, the upload is completed now;
   * else the result is `undefined`. @throws as `complete`
   */
  arrived(objectKey: string, options?: Call): Promise<Media | undefined>
  /** Ends the upload and frees its bytes and reservations now. @returns whether there was one in progress */
  abort(id: string, options?: Call): Promise<boolean>
}

export interface UploadStatus {
  readonly id: string
  readonly owner: string
  readonly receivedBytes: number
  readonly declaredBytes?: number
  readonly expiresAt: Date
}
