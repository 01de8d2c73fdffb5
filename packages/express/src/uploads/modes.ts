import { type CreateUpload, isMediaError, SIGNED_UPLOAD_TTL_MS, type Upload } from '@mediakeep/core'
import type { Exchange } from '../router/exchange.ts'
import { uploadAddress } from './sessions.ts'

/** How the bytes of an upload are to come, as its creator is told. */
export interface BegunUpload {
  readonly upload: Upload
  readonly mode: 'presigned' | 'chunked' | 'direct'
  readonly method: 'PUT'
  readonly url: string
  /** To be sent with the bytes, as they are. */
  readonly headers: Readonly<Record<string, string>>
  readonly expiresAt: string
  /** Seconds. */
  readonly expiresIn: number
  readonly chunkBytes?: number
  /** Of a body that goes to a bucket in parts: bytes of each but the last, and how many there are. */
  readonly partBytes?: number
  readonly partCount?: number
}

/** Begins the session, by what only the mode knows. */
export type Begin = (
  door: Pick<CreateUpload, 'door' | 'ttlMs' | 'chunkBytes' | 'parts' | 'partBytes'>,
) => Promise<Upload>

/** The whole body by one PUT to a signed address. */
export async function beginPresigned(
  exchange: Exchange,
  begin: Begin,
  wanted: { readonly contentType: string; readonly expiresIn?: number | undefined },
): Promise<BegunUpload> {
  const ttlMs = wanted.expiresIn === undefined ? SIGNED_UPLOAD_TTL_MS : wanted.expiresIn * 1000
  const begunAt = Date.now()
  const upload = await begin({ door: 'presigned', ttlMs })
  // The catalog's clock may be ahead of ours.
  const expiresAt = new Date(Math.min(upload.expiresAt.getTime(), Date.now() + ttlMs))
  const query = exchange.store.signUpload(upload.id, { expiresAt })
  return {
    upload,
    mode: 'presigned',
    method: 'PUT',
    url: `${uploadAddress(exchange, upload.id)}?${query.toString()}`,
    headers: { 'Content-Type': wanted.contentType },
    // An address ends with a whole second. What was asked for is told as it was asked, not less the time of the asking.
    ...lifeOf(new Date(Math.floor(expiresAt.getTime() / 1000) * 1000), begunAt, ttlMs),
  }
}

/** Chunks in any order, several at once, by PUT to `url` with `/chunks/` and the index of each behind it. */
export async function beginChunked(
  exchange: Exchange,
  begin: Begin,
  wanted: { readonly chunkBytes?: number | undefined },
): Promise<BegunUpload> {
  const upload = await begin({
    door: 'chunked',
    ...(wanted.chunkBytes === undefined ? {} : { chunkBytes: wanted.chunkBytes }),
  })
  return {
    upload,
    mode: 'chunked',
    method: 'PUT',
    url: uploadAddress(exchange, upload.id),
    headers: {},
    ...lifeOf(upload.expiresAt),
    ...(upload.chunkBytes === undefined ? {} : { chunkBytes: upload.chunkBytes }),
  }
}

/**
 * Straight to a bucket, by an address that the bucket itself checks, or in parts, whose addresses `url` with `/parts` behind it gives;
 * the sender then completes the upload. Where no bucket signs
 * addresses the address is one of ours: the sender puts and completes in the same way, and need not know.
 */
export async function beginDirect(
  exchange: Exchange,
  begin: Begin,
  wanted: {
    readonly contentType: string
    readonly sizeBytes: number
    readonly multipart?: boolean | undefined
    readonly partBytes?: number | undefined
  },
): Promise<BegunUpload> {
  const { multipart, partBytes, sizeBytes } = wanted
  let upload: Upload
  try {
    upload = await begin({
      door: 'direct',
      ...(multipart === undefined ? {} : { parts: multipart ? 'exact' : 'none' }),
      ...(partBytes === undefined ? {} : { partBytes }),
    })
  } catch (error) {
    if (!isMediaError(error, 'MEDIA_UNSUPPORTED') || error.reason !== 'direct-unsupported') throw error
    return beginPresigned(exchange, begin, wanted)
  }
  if (upload.parts?.partBytes !== undefined) {
    const of = {
      partBytes: upload.parts.partBytes,
      partCount: Math.max(1, Math.ceil(sizeBytes / upload.parts.partBytes)),
    }
    const url = uploadAddress(exchange, upload.id)
    return { upload, mode: 'direct', method: 'PUT', url, headers: {}, ...lifeOf(upload.expiresAt), ...of }
  }
  const { url, headers } = await exchange.store.uploads.address(upload.id)
  return { upload, mode: 'direct', method: 'PUT', url: url.href, headers, ...lifeOf(upload.expiresAt) }
}

function lifeOf(
  expiresAt: Date,
  from = Date.now(),
  ttlMs = Number.POSITIVE_INFINITY,
): { readonly expiresAt: string; readonly expiresIn: number } {
  const leftMs = Math.min(ttlMs, expiresAt.getTime() - from)
  return { expiresAt: expiresAt.toISOString(), expiresIn: Math.max(0, Math.ceil(leftMs / 1000)) }
}
