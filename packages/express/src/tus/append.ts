import { isMediaError, MediaError, type Principal, type Upload } from '@mediakeep/core'
import { declaredBytes } from '../router/client-body.ts'
import { contextOf, type Exchange, principalOf } from '../router/exchange.ts'
import { checkCoding, openBody } from '../router/intake.ts'
import { sendTus } from './answer.ts'
import { pieceChecksum } from './checksum.ts'
import { badHeader, fieldOf, lengthOf, offsetOf } from './numbers.ts'
import { OFFSET_TYPE } from './protocol.ts'
import { progressHeaders } from './upload-headers.ts'
import { allowCompletion, completeUpload, findUpload, isFinal, isRefused, isWhole } from './uploads.ts'

/** PATCH: adds a piece, and makes the media when it was the last. */
export async function appendToUpload(exchange: Exchange, id: string): Promise<void> {
  const { request } = exchange
  const piece = readPiece(exchange)
  const offsetBytes = offsetOf(fieldOf(request, 'upload-offset'))
  const lengthBytes = lengthOf(fieldOf(request, 'upload-length'))
  const principal = await principalOf(exchange)
  const found = await findUpload(exchange, id, principal)
  if (isFinal(found)) {
    throw new MediaError('MEDIA_DENIED', 'an upload put together from others takes no bytes', {
      reason: 'upload-final',
    })
  }
  const sizeBytes = newLength(found, lengthBytes)
  const upload = isWhole(found)
    ? await takeNothing(exchange, found, offsetBytes)
    : await takePiece(exchange, found, principal, { ...piece, offsetBytes, ...sizeBytes })
  if (isWhole(upload)) await completeUpload(exchange, upload, principal)
  sendTus(exchange, 204, progressHeaders(exchange, upload))
}

/** What the headers of a request with bytes say about them. */
export interface Piece {
  readonly checksum?: NonNullable<ReturnType<typeof pieceChecksum>>
  readonly pieceBytes?: number
}

/** @throws MediaError MEDIA_TYPE_REFUSED `unsupported-content-encoding`, `offset-type-required`; MEDIA_BAD_INPUT of the checksum */
export function readPiece({ request }: Exchange): Piece {
  checkCoding(request)
  const [type = ''] = (request.headers['content-type'] ?? '').split(';', 1)
  if (type.trim().toLowerCase() !== OFFSET_TYPE) {
    throw new MediaError('MEDIA_TYPE_REFUSED', `bytes are sent as ${OFFSET_TYPE}`, {
      reason: 'offset-type-required',
    })
  }
  const checksum = pieceChecksum(request)
  const pieceBytes = declaredBytes(request)
  return {
    ...(checksum === undefined ? {} : { checksum }),
    ...(pieceBytes === undefined ? {} : { pieceBytes }),
  }
}

export async function takePiece(
  exchange: Exchange,
  { id, owner }: Upload,
  principal: Principal | undefined,
  piece: Piece & { readonly offsetBytes: number; readonly sizeBytes?: number },
): Promise<Upload> {
  try {
    // Without the signal of the body: what came before a sender left is kept.
    return await exchange.store.uploads.append(id, openBody(exchange), {
      ...piece,
      complete: () => allowCompletion(exchange, principal, owner),
      context: contextOf(exchange, principal),
    })
  } catch (error) {
    if (isRefused(error)) await exchange.store.uploads.abort(id, { context: contextOf(exchange, principal) })
    // Another request told it a moment ago.
    if (isMediaError(error, 'MEDIA_CONFLICT') && error.reason === 'size-known') throw lengthKnown(error)
    throw error
  }
}

/** A length that becomes known now. */
function newLength(upload: Upload, lengthBytes: number | undefined): { readonly sizeBytes?: number } {
  if (lengthBytes === undefined || lengthBytes === upload.sizeBytes) return {}
  if (upload.sizeBytes !== undefined) throw lengthKnown()
  if (lengthBytes < upload.offsetBytes) {
    throw badHeader('Upload-Length is less than what has come', 'bad-upload-length')
  }
  return { sizeBytes: lengthBytes }
}

/** A piece of no bytes behind the last one, from a sender that missed the answer. */
async function takeNothing(exchange: Exchange, upload: Upload, offsetBytes: number): Promise<Upload> {
  if (offsetBytes !== upload.offsetBytes) {
    throw new MediaError('MEDIA_CONFLICT', `the upload is at ${upload.offsetBytes}`, {
      reason: 'offset-mismatch',
    })
  }
  if ((declaredBytes(exchange.request) ?? 1) > 0 && (await openBody(exchange).next()) !== undefined) {
    throw new MediaError('MEDIA_TOO_LARGE', 'the upload has all its bytes', { reason: 'entity-too-large' })
  }
  return upload
}

function lengthKnown(cause?: unknown): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', 'the length of this upload is known and stays', {
    reason: 'upload-length-known',
    cause,
  })
}
