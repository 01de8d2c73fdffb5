import { MediaError, type Principal, type Upload } from '@mediakeep/core'
import { absent, denied, permits } from '../router/access.ts'
import { contextOf, type Exchange } from '../router/exchange.ts'
import { isSenders } from '../uploads/sessions.ts'

/**
 * The upload, for whoever began it. That of somebody else, or of another door, answers as one that never was.
 * @throws MediaError MEDIA_ABSENT; MEDIA_GONE `upload-expired`, `upload-ended`, `media-gone`
 */
export async function findUpload(
  exchange: Exchange,
  id: string,
  principal: Principal | undefined,
): Promise<Upload> {
  const upload = await exchange.store.uploads.get(id, { context: contextOf(exchange, principal) })
  if (upload === undefined || upload.door !== 'tus' || !isSenders(exchange, principal, upload)) throw absent()
  switch (upload.state) {
    case 'expired':
      throw uploadGone('the time of this upload is over', 'upload-expired')
    case 'aborted':
    case 'rejected':
      throw uploadGone('this upload has ended', 'upload-ended')
    default:
  }
  if (isDone(upload) && (await exchange.store.stat(upload.mediaId)) === undefined) {
    throw uploadGone('the media that this upload became was deleted', 'media-gone')
  }
  return upload
}

/** It has become a media. */
function isDone({ state }: Upload): boolean {
  return state === 'active' || state === 'quarantined'
}

/** All bytes are there. */
export function isWhole({ sizeBytes, offsetBytes }: Upload): boolean {
  return sizeBytes === offsetBytes
}

/** An upload that was put together from others. */
export function isFinal({ extra }: Upload): boolean {
  return typeof extra['concat'] === 'string' && extra['concat'] !== 'partial'
}

/**
 * Makes the media once all bytes are there; a second time answers the same.
 * @throws MediaError as `UploadSessions.complete`; MEDIA_DENIED, MEDIA_UNAUTHENTICATED
 */
export async function completeUpload(
  exchange: Exchange,
  upload: Upload,
  principal: Principal | undefined,
): Promise<void> {
  if (upload.partial || isDone(upload)) return
  const call = { context: contextOf(exchange, principal) }
  try {
    await allowCompletion(exchange, principal, upload.owner)
  } catch (error) {
    if (isRefused(error)) await exchange.store.uploads.abort(upload.id, call)
    throw error
  }
  await exchange.store.uploads.complete(upload.id, call)
}

const refusals = new WeakSet<MediaError>()

/**
 * Rights may have gone since the upload began: they are asked for again, and without them nothing is kept.
 * @throws MediaError MEDIA_DENIED, MEDIA_UNAUTHENTICATED
 */
export async function allowCompletion(
  { access }: Exchange,
  principal: Principal | undefined,
  owner: string,
): Promise<void> {
  if (await permits(access, { principal, action: 'create', owner })) return
  const refusal = denied(principal, 'you may not add media')
  refusals.add(refusal)
  throw refusal
}

/** Whether it is what `allowCompletion` threw: the upload is to end then. */
export function isRefused(error: unknown): boolean {
  return error instanceof MediaError && refusals.has(error)
}

export function uploadGone(message: string, reason: string, cause?: unknown): MediaError {
  return new MediaError('MEDIA_GONE', message, { reason, cause })
}
