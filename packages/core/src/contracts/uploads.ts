import type { Body, Digest, JsonObject } from './bytes.ts'
import type { Call } from './call.ts'
import type { LatePutOptions, Media, MediaId, PutOptions } from './media.ts'
import type { SignedRequest, StoredPart } from './object-store.ts'

/** `direct`: the bytes go straight to a bucket. */
export type UploadDoor = 'presigned' | 'chunked' | 'tus' | 'direct'

/**
 * created → receiving → received → verifying → scanning → active, or quarantined where something was found.
 * rejected: a check said no; aborted: the sender gave up; expired: its time was over. These four never change again.
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

/** What an upload says of the put that it will be. */
export type UploadPutOptions = Pick<PutOptions, keyof LatePutOptions | 'contentType' | 'digest'>

export interface CreateUpload extends Call, UploadPutOptions, Pick<PutOptions, 'owner'> {
  readonly door: UploadDoor
  /** Whole length, where it is known: room and quota are reserved now. Only `tus` and `direct` may leave it open. */
  readonly sizeBytes?: number
  /** Bytes of each chunk but the last. Only for `chunked`: 256 KiB to 64 MiB. Default 8 MiB. */
  readonly chunkBytes?: number
  /**
   * Of `direct`: in parts that the sender puts to the bucket, several at once, and that the store completes. `exact`: all of `partBytes`
   * but the last, which the addresses bind; `any`: as the sender cuts them; `none`: the whole by one request. Default: `exact` from
   * 100 MiB on, where a bucket can, else `none`.
   */
  readonly parts?: 'exact' | 'any' | 'none'
  /** Of `exact`: 5 MiB to 5 GiB, as the bucket takes them. Default 16 MiB, or what 10,000 parts need. */
  readonly partBytes?: number
  /** How long it may rest before it is swept. Default 24 hours; 15 minutes for `presigned` and a `direct` one that is not in parts, whose longest is 1 hour. */
  readonly ttlMs?: number
  /** A part of a later upload: it never becomes a media by itself. */
  readonly partial?: boolean
  /** What the door wants to find again: at most 16 KiB as JSON. */
  readonly extra?: JsonObject
}

/** A snapshot of an upload. */
export interface Upload {
  /** Unguessable (128 random bits), for addresses. */
  readonly id: string
  /** The media it will be. */
  readonly mediaId: MediaId
  readonly namespace: string
  readonly door: UploadDoor
  readonly owner: string
  readonly state: UploadState
  /** Bytes from the start that are durable; of `chunked` those of all chunks that are. */
  readonly offsetBytes: number
  readonly sizeBytes?: number
  readonly digest?: Digest
  readonly chunkBytes?: number
  /** Of `direct` in parts. `partBytes` is that of every part but the last; absent where the sender chooses. */
  readonly parts?: { readonly partBytes?: number }
  /** Indexes of the chunks that are durable, in order. Only of `chunked`. */
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
  /** Where the sender believes the upload to be. */
  readonly offsetBytes: number
  /** Length of this piece, where it is known: refused before the body when it does not fit. */
  readonly pieceBytes?: number
  /** The whole length, when it becomes known only now. Once. */
  readonly sizeBytes?: number
  /** Asked for after the last byte of the piece: nothing of a piece that does not match is kept. */
  readonly checksum?: PieceChecksum | (() => PieceChecksum | undefined)
  readonly onProgress?: (offsetBytes: number) => void
  /**
   * Goes on to `complete` when this piece was the last, without letting go of the upload in between. A function is asked first, when all
   * bytes are there: what it throws leaves them to be completed later. Default false.
   */
  readonly complete?: boolean | (() => Promise<void>)
}

/** What `append` answers. */
export interface AppendedUpload extends Upload {
  /** What it became, when it was completed. */
  readonly media?: Media
}

export interface ReceiveOptions extends Call {
  /** Length of the body, where it is known: refused before the body when it is not that of the upload. */
  readonly bodyBytes?: number
  readonly onProgress?: (receivedBytes: number) => void
}

export interface ChunkOptions extends Call {
  readonly index: number
  readonly pieceBytes?: number
  readonly checksum?: PieceChecksum
}

/** An address that takes one part. */
export interface SignedPart extends SignedRequest {
  readonly number: number
}

export interface CompleteOptions extends Call {
  /** Of `direct` in parts: those that the sender believes to be there; ETags are compared with what the bucket tells. Default: all that are. */
  readonly parts?: readonly { readonly number: number; readonly etag: string }[]
}

/**
 * Uploads that come in pieces, over days, restarts and instances: one machine for every door. All of one namespace; whoever
 * asks for one that is not of it, or with an id that is not whole, is told that there is none.
 */
export interface UploadSessions {
  /** Largest body of any type that is taken. */
  readonly maxBytes: number
  /** Those under way, of this namespace; puts too. */
  list(): Promise<readonly UploadStatus[]>
  /**
   * Checks what can be checked without bytes, reserves room and quota, and begins.
   * @throws MediaError MEDIA_UNSUPPORTED `direct-unsupported` where no bucket signs addresses; as `admit`; MEDIA_QUOTA, MEDIA_NO_SPACE; MEDIA_RATE_LIMITED `too-many-uploads` when the owner has too many
   * open; MEDIA_BAD_INPUT
   */
  create(options: CreateUpload): Promise<Upload>
  /** `undefined` when there is none, or it was swept. */
  get(id: string, options?: Call): Promise<Upload | undefined>
  /** As `get`, by the id of the media that it will be. Of sessions that replace a media: `undefined`. */
  ofMedia(mediaId: MediaId, options?: Call): Promise<Upload | undefined>
  /**
   * Adds a piece at the end. What arrived stays, also when the sender breaks off: it is durable when this resolves or rejects.
   * A body is never read when the offset is wrong.
   * @throws MediaError MEDIA_ABSENT; MEDIA_GONE `upload-expired`; MEDIA_CONFLICT `offset-mismatch`, `upload-ended`, `size-known`;
   * MEDIA_LOCKED `upload-locked` while another sender is at it and alive; MEDIA_TOO_LARGE `entity-too-large` (nothing of the piece
   * is kept when its length was given); MEDIA_DIGEST_MISMATCH `checksum-mismatch`; MEDIA_TYPE_REFUSED by the first bytes: it is rejected then
   */
  append(id: string, body: Body, options: AppendOptions): Promise<AppendedUpload>
  /**
   * Takes the whole body at once and makes the media, for doors that send it in one piece: the quickest way. Nothing of a body that
   * breaks off is kept, and it may be sent again. @throws as `append` and `complete`; MEDIA_CONFLICT `upload-begun` when pieces came
   */
  receive(id: string, body: Body, options?: ReceiveOptions): Promise<Media>
  /** Writes one chunk, in any order, several at once. The same chunk again replaces what there was. @throws as `append`; MEDIA_BAD_INPUT `bad-chunk` */
  putChunk(id: string, body: Body, options: ChunkOptions): Promise<Upload>
  /**
   * Checks the whole and makes the media. Idempotent: a second call answers with the same media.
   * @throws MediaError MEDIA_CONFLICT `upload-incomplete`; what `put` throws for bytes that are refused: it is rejected then. Of `direct`
   * in parts also `part-changed`; MEDIA_BAD_INPUT `part-too-small`, `bad-part`; MEDIA_CONFLICT `upload-lost` when the bucket dropped it
   */
  complete(id: string, options?: CompleteOptions): Promise<Media>
  /**
   * Makes the media from finished partial uploads of the same owner, in this order; they stay until they are aborted or run out.
   * `id` is an upload that has received nothing. @throws as `complete`; MEDIA_ABSENT, MEDIA_CONFLICT `upload-incomplete` for a part
   */
  concatenate(id: string, parts: readonly string[], options?: Call): Promise<Upload>
  /**
   * What the sender of a `direct` upload asks the bucket: exactly this body, and, where the bucket enforces it, only once. Its life is
   * that of the upload at most. @throws MediaError MEDIA_ABSENT, MEDIA_GONE, MEDIA_CONFLICT `other-door` or `upload-ended`
   */
  address(id: string, options?: Call): Promise<SignedRequest>
  /**
   * Addresses of parts, for an hour at most; each takes its part as often as it is sent, until the upload is completed. Parts of unknown
   * lengths are signed 64 ahead of what the bucket has, and no further. @throws as `address`; MEDIA_BAD_INPUT `bad-part`; MEDIA_TOO_LARGE, MEDIA_QUOTA
   */
  signParts(id: string, numbers: readonly number[], options?: Call): Promise<readonly SignedPart[]>
  /** The parts that the bucket has, as it tells. Empty once it was completed. @throws as `address` */
  listParts(id: string, options?: Call): Promise<readonly StoredPart[]>
  /**
   * An object has come to a bucket, as its notification says: when it is that of a `direct` upload that nobody has completed, it is
   * completed now. `undefined` for all others. @throws as `complete`
   */
  arrived(objectKey: string, options?: Call): Promise<Media | undefined>
  /** Gives up: its bytes and reservations go now. Whether there was one under way. */
  abort(id: string, options?: Call): Promise<boolean>
}

export interface UploadStatus {
  readonly id: string
  readonly owner: string
  readonly receivedBytes: number
  readonly declaredBytes?: number
  readonly expiresAt: Date
}
