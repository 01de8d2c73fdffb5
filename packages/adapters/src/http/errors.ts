import { MEDIA_ERRORS, MediaError, type MediaErrorCode } from '@mediakeep/core'

/** Reasons that errors of this store carry, beside those that the other side tells. */
export type HttpReason =
  | 'bad-answer'
  | 'bad-url'
  | 'cut-off'
  | 'no-bucket'
  | 'not-permitted'
  | 'reader-disposed'
  | 'read-twice'
  | 'server-failed'
  | 'size-mismatch'
  | 'timed-out'
  | 'unreachable'

/** What the other side may say of a call as if it were this store. All else is a backend that does not serve us. */
const PASSED_ON: ReadonlySet<string> = new Set<MediaErrorCode>([
  'MEDIA_PRECONDITION',
  'MEDIA_RANGE',
  'MEDIA_BAD_INPUT',
  'MEDIA_TOO_LARGE',
  'MEDIA_DIGEST_MISMATCH',
  'MEDIA_BUSY',
  'MEDIA_RATE_LIMITED',
  'MEDIA_QUOTA',
  'MEDIA_NO_SPACE',
  'MEDIA_CORRUPT',
  'MEDIA_UNSUPPORTED',
])

/** Faults of the way there, which the other side tells as the sender's. */
const OF_THE_WAY: ReadonlySet<string> = new Set(['incomplete-body', 'slow-body', 'body-spent'])

export interface Refusal {
  readonly status: number
  readonly retryAfterMs?: number
  /** The body, where it is problem+json. */
  readonly problem?: { readonly code?: unknown; readonly reason?: unknown; readonly detail?: unknown }
}

/** The error of an answer that is none of success. Vendor messages of servers in between are not repeated. */
export function refusalError(name: string, act: string, refusal: Refusal): MediaError {
  const { status, retryAfterMs, problem } = refusal
  const reason =
    typeof problem?.reason === 'string' && /^[a-z][a-z0-9-]{0,63}$/.test(problem.reason)
      ? problem.reason
      : undefined
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  const code = codeOf(problem?.code)
  if (code !== undefined && PASSED_ON.has(code) && !(reason !== undefined && OF_THE_WAY.has(reason))) {
    const detail = typeof problem?.detail === 'string' ? problem.detail : MEDIA_ERRORS[code].title
    return new MediaError(code, `${name}: ${act} was refused: ${detail}`, {
      ...wait,
      ...(reason === undefined ? {} : { reason }),
    })
  }
  const why = whyOf(status)
  return new MediaError('MEDIA_UNAVAILABLE', `${name}: ${act} was answered with ${status}; ${why.advice}`, {
    ...wait,
    reason: code === undefined && status >= 500 ? 'server-failed' : why.reason,
  })
}

function codeOf(code: unknown): MediaErrorCode | undefined {
  return typeof code === 'string' && Object.hasOwn(MEDIA_ERRORS, code) ? (code as MediaErrorCode) : undefined
}

function whyOf(status: number): { readonly reason: HttpReason; readonly advice: string } {
  if (status === 401 || status === 403)
    return { reason: 'not-permitted', advice: 'check the token and headers' }
  if (status === 404) return { reason: 'no-bucket', advice: 'check the url: there is no such bucket' }
  if (status >= 500) return { reason: 'server-failed', advice: 'the server cannot serve now' }
  return { reason: 'bad-answer', advice: 'check the url: this is no object router' }
}

/** The error of a request that got no answer, or lost it. */
export function wayError(name: string, act: string, reason: HttpReason, cause?: unknown): MediaError {
  const code =
    typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'string'
      ? ` (${cause.code})`
      : ''
  return new MediaError('MEDIA_UNAVAILABLE', `${name}: ${act}: ${reason.replaceAll('-', ' ')}${code}`, {
    reason,
    ...(cause === undefined ? {} : { cause }),
  })
}
