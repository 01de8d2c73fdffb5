import { MediaError, type MediaErrorCode } from '@mediakeep/core'
import type { S3Failure } from './s3-failure.ts'

/** Reasons that errors of stores in a bucket carry. */
export type BucketReason =
  | 'access-denied'
  | 'archived'
  | 'backend-full'
  | 'bad-answer'
  | 'bad-credentials'
  | 'bad-key'
  | 'bucket-quota'
  | 'changed-in-transit'
  | 'clock-skew'
  | 'conditions-ignored'
  | 'conditions-refused'
  | 'connection-lost'
  | 'late-metadata'
  | 'layout-newer'
  | 'metadata-too-large'
  | 'not-signable'
  | 'part-changed'
  | 'part-too-small'
  | 'read-only'
  | 'server-error'
  | 'slow-down'
  | 'timed-out'
  | 'tls'
  | 'too-many-parts'
  | 'truncated'
  | 'unreachable'
  | 'upload-lost'
  | 'volume-offline'
  | 'wrong-region'

interface Row {
  readonly code: MediaErrorCode
  readonly reason?: BucketReason
  readonly advice: string
  readonly retryable?: boolean
}

const row = (code: MediaErrorCode, reason: BucketReason, advice: string, retryable?: boolean): Row => ({
  code,
  reason,
  advice,
  ...(retryable === undefined ? {} : { retryable }),
})

const OFFLINE = row('MEDIA_UNAVAILABLE', 'volume-offline', 'the bucket does not exist; check its name')
const DENIED = row(
  'MEDIA_UNAVAILABLE',
  'access-denied',
  'the credentials may not do this; check the policies of user and bucket',
  false,
)
const CREDENTIALS = row(
  'MEDIA_UNAVAILABLE',
  'bad-credentials',
  'the endpoint does not take the credentials; check key, secret, region and host',
  false,
)
const SKEW = row(
  'MEDIA_UNAVAILABLE',
  'clock-skew',
  'the clocks of this host and of the endpoint differ too much; set the time',
  false,
)
const SLOW_DOWN = row('MEDIA_BUSY', 'slow-down', 'the endpoint asks for fewer requests')
const SERVER = row('MEDIA_UNAVAILABLE', 'server-error', 'the endpoint failed')
const REGION = row(
  'MEDIA_UNAVAILABLE',
  'wrong-region',
  'the bucket is in another region; set `region`',
  false,
)
const KEY = row('MEDIA_BAD_INPUT', 'bad-key', 'the endpoint does not take this key')
const CHANGED = row('MEDIA_UNAVAILABLE', 'changed-in-transit', 'other bytes arrived than were sent')
const TIMED_OUT = row('MEDIA_UNAVAILABLE', 'timed-out', 'the endpoint did not answer in time')
const LOST = row('MEDIA_UNAVAILABLE', 'connection-lost', 'the connection was lost')
const UNREACHABLE = row('MEDIA_UNAVAILABLE', 'unreachable', 'no connection; check address and network')
const TLS = row('MEDIA_UNAVAILABLE', 'tls', 'no secure connection; check certificates and address', false)
const FULL = row('MEDIA_NO_SPACE', 'backend-full', 'the endpoint has no room left')
const REFUSED_CONDITION = row(
  'MEDIA_UNSUPPORTED',
  'conditions-refused',
  "the endpoint has no conditional writes; say `conditionalPut: 'ignored'`",
)
const ARCHIVED = row(
  'MEDIA_UNAVAILABLE',
  'archived',
  'the object is in an archive class; restore it first',
  false,
)
const UPLOAD_LOST = row('MEDIA_UNAVAILABLE', 'upload-lost', 'the upload was ended from outside')
const PART_CHANGED = row('MEDIA_CONFLICT', 'part-changed', 'a part is not there, or not as it was listed')
const CONDITION: Row = { code: 'MEDIA_PRECONDITION', advice: 'the object is not as the condition says' }

/** By the endpoint's code, then the network's. Codes of MinIO begin with `XMinio`. */
const BY_CODE: Readonly<Record<string, Row>> = {
  NoSuchBucket: OFFLINE,
  InvalidBucketName: OFFLINE,
  AccessDenied: DENIED,
  AllAccessDisabled: DENIED,
  AccountProblem: DENIED,
  InvalidAccessKeyId: CREDENTIALS,
  SignatureDoesNotMatch: CREDENTIALS,
  InvalidToken: CREDENTIALS,
  InvalidTokenId: CREDENTIALS,
  XAdminUserNotFound: CREDENTIALS, // versitygw, of a user that there is none of
  ExpiredToken: CREDENTIALS,
  TokenRefreshRequired: CREDENTIALS,
  AuthorizationHeaderMalformed: CREDENTIALS,
  CredentialsProviderError: CREDENTIALS,
  RequestTimeTooSkewed: SKEW,
  SlowDown: SLOW_DOWN,
  SlowDownRead: SLOW_DOWN,
  SlowDownWrite: SLOW_DOWN,
  TooManyRequests: SLOW_DOWN,
  RequestLimitExceeded: SLOW_DOWN,
  ServiceUnavailable: SLOW_DOWN,
  ThrottlingException: SLOW_DOWN,
  InternalError: SERVER,
  RequestTimeout: TIMED_OUT,
  PermanentRedirect: REGION,
  TemporaryRedirect: REGION,
  IllegalLocationConstraintException: REGION,
  KeyTooLongError: KEY,
  XMinioInvalidObjectName: KEY,
  XMinioInvalidResourceName: KEY,
  XMinioParentIsObject: KEY,
  InvalidObjectName: KEY,
  ObjectExistAsFile: KEY,
  ObjectParentIsFile: KEY,
  ExistingObjectIsDirectory: KEY,
  DirectoryObjectContainsData: KEY,
  DirectoryNotEmpty: KEY,
  BadDigest: CHANGED,
  InvalidDigest: CHANGED,
  IncompleteBody: CHANGED,
  XAmzContentSHA256Mismatch: CHANGED,
  XAmzContentChecksumMismatch: CHANGED,
  XMinioStorageFull: FULL,
  QuotaExceeded: row('MEDIA_NO_SPACE', 'bucket-quota', 'the quota of the bucket is used up'),
  XMinioAdminBucketQuotaExceeded: row('MEDIA_NO_SPACE', 'bucket-quota', 'the quota of the bucket is used up'),
  EntityTooLarge: { code: 'MEDIA_TOO_LARGE', advice: 'the endpoint takes no object of this size' },
  MetadataTooLarge: row('MEDIA_BAD_INPUT', 'metadata-too-large', 'the metadata are longer than 2 KB'),
  InvalidRange: { code: 'MEDIA_RANGE', advice: 'the range starts at or past the end' },
  PreconditionFailed: CONDITION,
  ConditionalRequestConflict: row('MEDIA_BUSY', 'slow-down', 'another write of the key is under way'),
  NotImplemented: REFUSED_CONDITION,
  InvalidObjectState: ARCHIVED,
  NoSuchUpload: UPLOAD_LOST,
  EntityTooSmall: row('MEDIA_BAD_INPUT', 'part-too-small', 'a part but the last has 5 MiB at least'),
  InvalidPart: PART_CHANGED,
  InvalidPartOrder: PART_CHANGED,
  ECONNRESET: LOST,
  EPIPE: LOST,
  ERR_STREAM_PREMATURE_CLOSE: LOST,
  ECONNABORTED: LOST,
  ECONNREFUSED: UNREACHABLE,
  EHOSTUNREACH: UNREACHABLE,
  ENETUNREACH: UNREACHABLE,
  ENOTFOUND: UNREACHABLE,
  EAI_AGAIN: UNREACHABLE,
  ETIMEDOUT: TIMED_OUT,
  TimeoutError: TIMED_OUT,
}

const BY_STATUS: Readonly<Record<number, Row>> = {
  301: REGION,
  307: REGION,
  401: CREDENTIALS,
  403: DENIED,
  408: TIMED_OUT,
  412: CONDITION,
  416: { code: 'MEDIA_RANGE', advice: 'the range starts at or past the end' },
  429: SLOW_DOWN,
  501: REFUSED_CONDITION,
  503: SLOW_DOWN,
  507: FULL,
}

const TLS_CODE = /^(CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|EPROTO$)/

function rowOf({ code, status }: S3Failure): Row {
  const known = BY_CODE[code] ?? (TLS_CODE.test(code) ? TLS : undefined)
  if (known !== undefined) return known
  if (status === undefined) return LOST
  return (
    BY_STATUS[status] ??
    (status >= 500 ? SERVER : { code: 'MEDIA_UNAVAILABLE', advice: 'the endpoint refused' })
  )
}

/**
 * The failure as callers know it. The message names the endpoint's code and never its text, which may hold keys, hosts and signatures;
 * the cause has all of it.
 */
export function bucketError(storeName: string, act: string, failure: S3Failure): MediaError {
  const { code, reason, advice, retryable } = rowOf(failure)
  const answer = [failure.status, failure.code].filter((part) => part !== undefined && part !== '').join(' ')
  return new MediaError(code, `${storeName}: cannot ${act}: ${answer || 'no answer'}; ${advice}`, {
    ...(reason === undefined ? {} : { reason }),
    ...(retryable === undefined ? {} : { retryable }),
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    cause: failure,
  })
}

/** The bucket, or our marker in it, is not there: nothing can be said about any key. */
export function offline(storeName: string, what: string): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', `${storeName}: ${what}`, { reason: 'volume-offline' })
}
