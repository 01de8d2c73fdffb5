/**
 * Every code, with the HTTP status its answers carry and whether the same call may succeed later.
 * The set is closed: a failure that fits none of these is a bug, answered as 500 without a code.
 */
export type MediaErrorCode =
  | 'MEDIA_ABSENT'
  | 'MEDIA_NOT_READY'
  | 'MEDIA_HELD'
  | 'MEDIA_CONFLICT'
  | 'MEDIA_LOCKED'
  | 'MEDIA_PRECONDITION'
  | 'MEDIA_RANGE'
  | 'MEDIA_BAD_INPUT'
  | 'MEDIA_TOO_LARGE'
  | 'MEDIA_TYPE_REFUSED'
  | 'MEDIA_INVALID'
  | 'MEDIA_DIGEST_MISMATCH'
  | 'MEDIA_UNAUTHENTICATED'
  | 'MEDIA_DENIED'
  | 'MEDIA_METHOD'
  | 'MEDIA_TIMEOUT'
  | 'MEDIA_RATE_LIMITED'
  | 'MEDIA_BUSY'
  | 'MEDIA_QUOTA'
  | 'MEDIA_NO_SPACE'
  | 'MEDIA_GONE'
  | 'MEDIA_CORRUPT'
  | 'MEDIA_LEASE_LOST'
  | 'MEDIA_UNAVAILABLE'
  | 'MEDIA_UNSUPPORTED'
  | 'MEDIA_CLOSED'

export interface MediaErrorRow {
  readonly status: number
  readonly retryable: boolean
  readonly title: string
}

/** One row per code. */
export const MEDIA_ERRORS: Readonly<Record<MediaErrorCode, MediaErrorRow>> = {
  MEDIA_ABSENT: { status: 404, retryable: false, title: 'Not found' },
  MEDIA_NOT_READY: { status: 503, retryable: true, title: 'Not ready yet' },
  MEDIA_HELD: { status: 403, retryable: false, title: 'Held back' },
  MEDIA_CONFLICT: { status: 409, retryable: false, title: 'Conflict' },
  MEDIA_LOCKED: { status: 423, retryable: true, title: 'Locked' },
  MEDIA_PRECONDITION: { status: 412, retryable: false, title: 'Precondition failed' },
  MEDIA_RANGE: { status: 416, retryable: false, title: 'Range not satisfiable' },
  MEDIA_BAD_INPUT: { status: 400, retryable: false, title: 'Bad input' },
  MEDIA_TOO_LARGE: { status: 413, retryable: false, title: 'Too large' },
  MEDIA_TYPE_REFUSED: { status: 415, retryable: false, title: 'Type refused' },
  MEDIA_INVALID: { status: 422, retryable: false, title: 'Invalid media' },
  MEDIA_DIGEST_MISMATCH: { status: 400, retryable: false, title: 'Digest mismatch' },
  MEDIA_UNAUTHENTICATED: { status: 401, retryable: false, title: 'Not authenticated' },
  MEDIA_DENIED: { status: 403, retryable: false, title: 'Denied' },
  MEDIA_METHOD: { status: 405, retryable: false, title: 'Method not allowed' },
  MEDIA_TIMEOUT: { status: 408, retryable: true, title: 'Timed out' },
  MEDIA_RATE_LIMITED: { status: 429, retryable: true, title: 'Too many requests' },
  MEDIA_BUSY: { status: 503, retryable: true, title: 'Busy' },
  MEDIA_QUOTA: { status: 507, retryable: false, title: 'Quota used up' },
  MEDIA_NO_SPACE: { status: 507, retryable: true, title: 'No space' },
  MEDIA_GONE: { status: 410, retryable: false, title: 'Gone' },
  MEDIA_CORRUPT: { status: 500, retryable: false, title: 'Stored bytes are damaged' },
  MEDIA_LEASE_LOST: { status: 503, retryable: true, title: 'Lease lost' },
  MEDIA_UNAVAILABLE: { status: 503, retryable: true, title: 'Unavailable' },
  MEDIA_UNSUPPORTED: { status: 501, retryable: false, title: 'Not supported' },
  MEDIA_CLOSED: { status: 503, retryable: false, title: 'Closed' },
}

/** HTTP status of a code. */
export function statusOf(code: MediaErrorCode): number {
  return MEDIA_ERRORS[code].status
}
