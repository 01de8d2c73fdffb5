import type { JsonObject } from '../contracts/bytes.ts'
import { RETRY_AFTER_MS } from '../defaults.ts'
import { MEDIA_ERRORS, type MediaErrorCode } from '../errors/codes.ts'
import { isMediaError, type MediaError } from '../errors/media-error.ts'
import { type HeaderList, headerIn, isHeaderValue } from './headers.ts'
import { SAFETY_HEADERS } from './safety-headers.ts'

/** The body of an error answer. @see RFC 9457 section 3 */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code?: MediaErrorCode
  readonly reason?: string
  readonly detail: string
  readonly requestId?: string
}

export interface ProblemOptions {
  readonly requestId?: string
  /** Headers of this answer besides the usual ones, as of a `ReadPlan`; a Cache-Control here replaces `no-store`. */
  readonly headers?: HeaderList
  /** WWW-Authenticate of a 401. Default `Bearer`. */
  readonly challenge?: string
  /** A status that only the door knows, such as 411 or 431. Default: by the code. */
  readonly status?: number
  /** Further members of the body. @see RFC 9457 section 3.2 */
  readonly members?: JsonObject
}

/** A whole error answer. For HEAD write the headers and not the body. */
export interface ProblemAnswer {
  readonly status: number
  readonly headers: HeaderList
  readonly body: string
}

const UNKNOWN_DETAIL = 'The server failed to answer. The request id names the entry in its log.'
const MAX_DETAIL_LENGTH = 300

/** What is said instead of the message where the message could tell too much. Everything at 500 and above, and: */
const FIXED_DETAILS: Partial<Record<MediaErrorCode, string>> = {
  // Missing, and private to somebody else, must read the same.
  MEDIA_ABSENT: 'There is no such media.',
  MEDIA_NOT_READY: 'The media is being made ready. Try again after the time in Retry-After.',
  MEDIA_BUSY: 'Too much is under way. Try again after the time in Retry-After.',
  MEDIA_QUOTA: 'The quota does not allow this.',
  MEDIA_NO_SPACE: 'There is no room for this now.',
  MEDIA_CORRUPT: 'The stored bytes are damaged.',
  MEDIA_LEASE_LOST: 'Another server took over. Try again.',
  MEDIA_UNAVAILABLE: 'A part of the service does not answer. Try again later.',
  MEDIA_UNSUPPORTED: 'This service does not offer that.',
  MEDIA_CLOSED: 'The service is shutting down.',
}

/**
 * Describes a failure to a client. Of a MediaError below 500 the message is the detail when it is safe to show:
 * one line without file paths, addresses with credentials, or stack. Any other failure is a 500 that says nothing.
 */
export function problemOf(error: unknown, options: ProblemOptions = {}): Problem {
  const id = options.requestId === undefined ? {} : { requestId: options.requestId }
  const row =
    isMediaError(error) && Object.hasOwn(MEDIA_ERRORS, error.code) ? MEDIA_ERRORS[error.code] : undefined
  if (!isMediaError(error) || row === undefined) {
    const status = options.status ?? 500
    return { type: 'about:blank', title: 'Internal Server Error', status, detail: UNKNOWN_DETAIL, ...id }
  }
  const hasReason =
    error.code !== 'MEDIA_ABSENT' && error.reason !== undefined && /^[a-z][a-z0-9-]{0,63}$/.test(error.reason)
  return {
    type: `urn:mediakeep:error:${error.code.slice('MEDIA_'.length).toLowerCase().replaceAll('_', '-')}`,
    title: row.title,
    status: options.status ?? row.status,
    code: error.code,
    ...(hasReason && error.reason !== undefined ? { reason: error.reason } : {}),
    detail: detailOf(error, row.status),
    ...id,
  }
}

/** The whole answer to a failure: problem+json, safety headers, never cached unless `headers` say so. */
export function problemAnswer(error: unknown, options: ProblemOptions = {}): ProblemAnswer {
  const problem = problemOf(error, options)
  const body = JSON.stringify({ ...options.members, ...problem })
  const headers = [
    ...SAFETY_HEADERS,
    'Content-Type',
    'application/problem+json',
    'Content-Length',
    String(Buffer.byteLength(body)),
  ]
  const extra = options.headers ?? []
  for (let at = 0; at + 1 < extra.length; at += 2) {
    const [name, value] = [extra[at], extra[at + 1]]
    if (
      name !== undefined &&
      value !== undefined &&
      isHeaderValue(value) &&
      headerIn(headers, name) === undefined
    ) {
      headers.push(name, value)
    }
  }
  if (headerIn(headers, 'cache-control') === undefined) {
    headers.push('Cache-Control', problem.status === 404 ? 'private, no-store' : 'no-store')
  }
  const seconds = retryAfterSeconds(error, problem)
  if (seconds !== undefined) headers.push('Retry-After', String(seconds))
  if (problem.status === 401) headers.push('WWW-Authenticate', challengeOf(options.challenge))
  return { status: problem.status, headers, body }
}

function retryAfterSeconds(error: unknown, problem: Problem): number | undefined {
  const { code } = problem
  const isAwaited = code === 'MEDIA_NOT_READY' || code === 'MEDIA_BUSY' || code === 'MEDIA_RATE_LIMITED'
  const ms =
    (isMediaError(error) ? error.retryAfterMs : undefined) ?? (isAwaited ? RETRY_AFTER_MS : undefined)
  if (ms === undefined || !Number.isFinite(ms)) return undefined
  return Math.max(1, Math.ceil(ms / 1000)) // up, and never 0: clients would come back in a tight loop
}

function challengeOf(challenge: string | undefined): string {
  return challenge !== undefined && isHeaderValue(challenge) ? challenge : 'Bearer'
}

function detailOf(error: MediaError, status: number): string {
  const { title } = MEDIA_ERRORS[error.code]
  const fixed = FIXED_DETAILS[error.code]
  if (fixed !== undefined) return fixed
  return status < 500 && isSafeDetail(error.message) ? error.message : title
}

const FILE_PATH = /(?:^|[\s'"`(=:,[{<>])(?:~?\/[^\s/]+(?:\/|$|\s)|\/[^\s/]+['"`]|[A-Za-z]:[\\/]|\\\\|file:)/i
const SECRET =
  /:\/\/|\b(?:password|passwd|secret|token|signature|authorization|bearer|api[-_]?key|access[-_]?key)\b\s*[:=]/i

/** One short line without paths, addresses or what looks like a secret. */
function isSafeDetail(message: string): boolean {
  if (message === '' || message.length > MAX_DETAIL_LENGTH) return false
  if (/[\p{Cc}\u2028\u2029]/u.test(message)) return false
  return !FILE_PATH.test(message) && !SECRET.test(message)
}
