import type { JsonObject } from '../contracts/bytes.ts'
import type { UploadDoor, UploadPutOptions } from '../contracts/uploads.ts'
import { MediaError } from '../errors/media-error.ts'

/**
 * What the row of an upload's session holds beside its columns. Everything that was agreed when it was created is here and nowhere
 * else: no address and no later request can change it.
 */
export interface UploadData {
  readonly secret: string
  readonly door: UploadDoor
  readonly mediaId: string
  readonly createdAtMs: number
  readonly ttlMs: number
  /** As `put` takes them, checked. */
  readonly options: UploadPutOptions
  readonly sizeBytes?: number
  readonly chunkBytes?: number
  readonly partial: boolean
  readonly extra: JsonObject
  /** Where its bytes lie. */
  readonly volumeId: string
  /** Pieces of it, in order; the last one is written to. */
  readonly parts: readonly UploadPart[]
  /** The next part that may be made: numbers are never used twice. */
  readonly nextPart: number
  /** Set while somebody writes. Whoever finds it after a claim does not know what the one before may still write, and writes elsewhere. */
  readonly isWriting: boolean
  /** Of `direct`: where the sender puts the object itself. */
  readonly direct?: { readonly key: string; readonly parts?: DirectPartsData }
  /** Of `chunked`: part that holds each chunk, -1 where none does. */
  readonly chunks?: readonly number[]
  /** How often a chunk was written again. */
  readonly rewrites?: number
  readonly error?: { readonly code: string; readonly reason?: string; readonly message: string }
  readonly completedAtMs?: number
}

/** A body that its sender puts to a bucket in parts. */
export interface DirectPartsData {
  /** Absent where the sender chooses. */
  readonly partBytes?: number
  /** Of the bucket. Absent until it has begun: it is told to nobody before it stands here. */
  readonly uploadId?: string
  /** Parts up to this number may be signed without a look at the bucket. Only where the sender chooses their lengths. */
  readonly allowed?: number
}

export interface UploadPart {
  readonly part: number
  /** Of the whole body; the part begins with the byte that has this offset. */
  readonly startBytes: number
}

const VERSION = 1

export function encodeData(data: UploadData): JsonObject {
  // Through JSON: instants, `undefined` and whatever else JSON does not know cannot get into the row.
  return { version: VERSION, upload: JSON.parse(JSON.stringify(data)) as JsonObject }
}

/** @throws MediaError MEDIA_UNSUPPORTED `layout-newer` for a row of a later version */
export function decodeData(declared: JsonObject): UploadData {
  const { version, upload } = declared
  if (version === VERSION && typeof upload === 'object' && upload !== null && !Array.isArray(upload))
    return upload as unknown as UploadData
  throw new MediaError('MEDIA_UNSUPPORTED', 'this upload was made by a later version', {
    reason: 'layout-newer',
  })
}
