import { declaredDigest, digestHex, isMediaError, MediaError, type PieceChecksum } from '@mediakeep/core'
import { sendJson, sendProblem } from '../router/answer.ts'
import { declaredBytes } from '../router/client-body.ts'
import { contextOf, type Exchange } from '../router/exchange.ts'
import { checkCoding, checkWhole, openBody, rawTypeOf } from '../router/intake.ts'
import { keyTaken } from '../router/write-content.ts'
import { completeUpload } from './complete-upload.ts'
import { partsUnderWay, readToldParts } from './parts.ts'
import { sendMade } from './put-presigned.ts'
import { findUpload } from './sessions.ts'
import { missingOf, uploadJson } from './upload-json.ts'

/** PUT of one chunk, in any order and several at once. The same one again takes the place of what there was. */
export async function putChunk(exchange: Exchange, id: string, rawIndex: string): Promise<void> {
  const { request } = exchange
  checkCoding(request)
  checkWhole(request)
  rawTypeOf(request)
  const { upload, principal } = await findUpload(exchange, id)
  const index = parseIndex(rawIndex)
  const pieceBytes = declaredBytes(request)
  const checksum = checksumOf(exchange)
  const body = openBody(exchange)
  const after = await exchange.store.uploads.putChunk(upload.id, body, {
    index,
    ...(pieceBytes === undefined ? {} : { pieceBytes }),
    ...(checksum === undefined ? {} : { checksum }),
    signal: body.signal,
    context: contextOf(exchange, principal),
  })
  sendJson(exchange, 200, uploadJson(after))
}

/** POST that all chunks or parts are there: makes the media. A second time answers with the same one. */
export async function completePieces(exchange: Exchange, id: string): Promise<void> {
  try {
    await sendMade(exchange, await completeUpload(exchange, id, () => readToldParts(exchange)))
  } catch (error) {
    if (isMediaError(error, 'MEDIA_PRECONDITION')) throw keyTaken(error)
    if (!isMediaError(error, 'MEDIA_CONFLICT') || error.reason !== 'upload-incomplete') throw error
    const now = await exchange.store.uploads.get(id)
    const members = now === undefined ? {} : missingOf(now, await partsUnderWay(exchange, now))
    sendProblem(exchange, error, [], undefined, { ...members })
  }
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-chunk` */
function parseIndex(text: string): number {
  if (/^(?:0|[1-9][0-9]{0,8})$/.test(text)) return Number(text)
  throw new MediaError('MEDIA_BAD_INPUT', 'the index of a chunk is a number from 0', { reason: 'bad-chunk' })
}

/** Content-Digest or Repr-Digest of the chunk. */
function checksumOf({ request }: Exchange): PieceChecksum | undefined {
  const digest = declaredDigest(request.headers)
  if (digest === undefined) return undefined
  return { algorithm: 'sha256', base64: Buffer.from(digestHex(digest), 'hex').toString('base64') }
}
