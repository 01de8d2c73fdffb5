import {
  declaredDigest,
  etagOfRevision,
  formatEtag,
  isMediaError,
  type Media,
  MediaError,
  SIGNED_UPLOAD_SKEW_MS,
  type Upload,
} from '@mediakeep/core'
import { sendJson } from '../router/answer.ts'
import { checkedBody } from '../router/checked-body.ts'
import { type ClientBody, declaredBytes } from '../router/client-body.ts'
import { contextOf, type Exchange, mountOf } from '../router/exchange.ts'
import { checkCoding, checkWhole, openBody } from '../router/intake.ts'
import { mediaJson } from '../router/media-json.ts'
import { keyTaken } from '../router/write-content.ts'

/**
 * PUT of the whole body of a presigned upload. Its signature is all that is asked for: who may put what was asked when it was
 * signed, and stands in the row of the upload.
 */
export async function putPresigned(exchange: Exchange, uploadId: string): Promise<void> {
  const { request, store, query } = exchange
  // Before the look-up: a bad signature answers the same whether there is such an upload or not.
  store.verifyUpload(uploadId, query)
  checkCoding(request)
  checkWhole(request)
  const context = contextOf(exchange, undefined)
  const upload = checkOpen(await exchange.store.uploads.get(uploadId, { context }))
  checkType(exchange, upload)
  const bodyBytes = declaredBytes(request)
  const digest = declaredDigest(request.headers)
  const body = openBody(exchange)
  const source = digest === undefined ? body : checkedBody(body, digest)
  const media = await received(exchange, upload, body, () =>
    exchange.store.uploads.receive(uploadId, source, {
      ...(bodyBytes === undefined ? {} : { bodyBytes }),
      signal: body.signal,
      context,
    }),
  )
  await sendMade(exchange, media)
}

/** 201 with the media, as POST of the collection. */
export async function sendMade(exchange: Exchange, media: Media): Promise<void> {
  const etag = formatEtag(etagOfRevision(media.revision))
  sendJson(exchange, 201, await mediaJson(exchange.store, media), [
    'Location',
    `${mountOf(exchange)}/${media.id}`,
    ...(etag === undefined ? [] : ['ETag', etag]),
  ])
}

/** @throws MediaError MEDIA_GONE, MEDIA_CONFLICT `upload-completed`, MEDIA_DENIED */
function checkOpen(upload: Upload | undefined): Upload & { readonly sizeBytes: number } {
  if (upload === undefined) throw gone('the time of this upload is over', 'upload-expired')
  const { door, sizeBytes, state, createdAt, completedAt } = upload
  if (door !== 'presigned' || sizeBytes === undefined)
    throw denied('this upload takes its bytes in another way', 'signature')
  if (createdAt.getTime() > Date.now() + SIGNED_UPLOAD_SKEW_MS)
    throw denied('the address is not good yet', 'not-yet-valid')
  switch (state) {
    case 'active':
    case 'quarantined':
      throw completed()
    case 'rejected':
    case 'aborted':
      throw gone('this upload has ended', 'upload-ended')
    case 'expired':
      throw gone('the time of this upload is over', 'upload-expired')
    case 'created':
    case 'receiving':
    case 'received':
    case 'verifying':
    case 'scanning':
      // The media may be there before it was looked at.
      if (completedAt !== undefined) throw completed()
      return { ...upload, sizeBytes }
  }
}

/** A type that is sent is the one that was told; none at all is no other one. */
function checkType({ request }: Exchange, { contentType = OPAQUE_TYPE }: Upload): void {
  const sent = request.headers['content-type']
  if (sent === undefined || essenceOf(sent) === essenceOf(contentType)) return
  throw denied('the Content-Type is not the one that this address was signed for', 'signature')
}

const OPAQUE_TYPE = 'application/octet-stream'

function essenceOf(contentType: string): string {
  return (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()
}

function checkLength(bodyBytes: number, sizeBytes: number): void {
  if (bodyBytes < sizeBytes) throw incomplete(sizeBytes)
  if (bodyBytes > sizeBytes)
    throw new MediaError('MEDIA_TOO_LARGE', `the address was signed for ${sizeBytes} bytes`, {
      reason: 'entity-too-large',
    })
}

/** What came of the body, in the words of this door. */
async function received(
  exchange: Exchange,
  upload: Upload & { readonly sizeBytes: number },
  body: ClientBody,
  receive: () => Promise<Media>,
): Promise<Media> {
  try {
    return await receive()
  } catch (error) {
    if (!isMediaError(error)) throw error
    switch (error.code) {
      case 'MEDIA_PRECONDITION':
        throw keyTaken(error)
      case 'MEDIA_ABSENT':
        throw gone('the time of this upload is over', 'upload-expired')
      case 'MEDIA_LOCKED':
        throw new MediaError('MEDIA_CONFLICT', 'another request is sending this body', {
          reason: 'upload-locked',
          cause: error,
        })
      case 'MEDIA_CONFLICT': {
        if (error.reason !== 'upload-ended') throw error
        // Somebody was quicker, or is just giving it up.
        checkOpen(await exchange.store.uploads.get(upload.id))
        throw gone('this upload has ended', 'upload-ended')
      }
      case 'MEDIA_BAD_INPUT':
        if (error.reason === 'size-mismatch') checkLength(body.receivedBytes(), upload.sizeBytes)
        throw error
      default:
        throw error
    }
  }
}

function incomplete(sizeBytes: number): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `the body has less than the ${sizeBytes} bytes that were told`, {
    reason: 'incomplete-body',
  })
}

function completed(): MediaError {
  return new MediaError('MEDIA_CONFLICT', 'this upload is complete; its address is good for one body', {
    reason: 'upload-completed',
  })
}

function gone(message: string, reason: string): MediaError {
  return new MediaError('MEDIA_GONE', message, { reason })
}

function denied(message: string, reason: string): MediaError {
  return new MediaError('MEDIA_DENIED', message, { reason })
}
