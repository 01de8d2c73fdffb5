import { MediaError } from '../errors/media-error.ts'

/** As much of an upload's session as a claim looks at. Times are milliseconds. */
export interface ClaimedSession {
  readonly endedAt: number | null
  readonly expiresAt: number
  readonly lockedUntil: number | null
}

/**
 * Whether this session may be claimed now.
 * @param session `undefined` where there is none, or a put has the id
 * @throws MediaError MEDIA_ABSENT, MEDIA_CONFLICT `upload-ended`, MEDIA_GONE `upload-expired`, MEDIA_LOCKED `upload-locked`
 */
export function checkUploadClaim<Session extends ClaimedSession>(
  session: Session | undefined,
  { nowMs, force = false }: { readonly nowMs: number; readonly force?: boolean | undefined },
): asserts session is Session {
  if (session === undefined) throw new MediaError('MEDIA_ABSENT', 'there is no such upload')
  if (session.endedAt !== null)
    throw new MediaError('MEDIA_CONFLICT', 'the upload has ended', { reason: 'upload-ended' })
  if (session.expiresAt <= nowMs)
    throw new MediaError('MEDIA_GONE', 'the time of the upload is over; start it again', {
      reason: 'upload-expired',
    })
  const retryAfterMs = (session.lockedUntil ?? 0) - nowMs
  if (retryAfterMs <= 0 || force) return
  throw new MediaError('MEDIA_LOCKED', 'another sender is at this upload', {
    reason: 'upload-locked',
    retryAfterMs,
  })
}

/** @throws MediaError MEDIA_RATE_LIMITED `too-many-uploads` when there is no room for one more. */
export function checkOpenUploads(open: number, maxOpen: number): void {
  if (open < maxOpen) return
  throw new MediaError(
    'MEDIA_RATE_LIMITED',
    `${open} uploads are open, ${maxOpen} may be; finish or abort one of them first`,
    { reason: 'too-many-uploads' },
  )
}
