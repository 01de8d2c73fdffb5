import { expect, test } from 'vitest'
import { bucketError } from './errors.ts'
import { networkCodeOf, parseRetryAfter, S3Failure, saysNoSuchKey } from './s3-failure.ts'

const told = (code: string, status?: number): readonly unknown[] => {
  const error = bucketError('s3', 'get "a"', new S3Failure(code, { status }))
  return [error.code, error.reason, error.retryable]
}

test.each([
  ['NoSuchBucket', 404, 'MEDIA_UNAVAILABLE', 'volume-offline', true],
  ['InvalidBucketName', 400, 'MEDIA_UNAVAILABLE', 'volume-offline', true],
  ['AccessDenied', 403, 'MEDIA_UNAVAILABLE', 'access-denied', false],
  ['', 403, 'MEDIA_UNAVAILABLE', 'access-denied', false],
  ['SignatureDoesNotMatch', 403, 'MEDIA_UNAVAILABLE', 'bad-credentials', false],
  ['XAdminUserNotFound', 404, 'MEDIA_UNAVAILABLE', 'bad-credentials', false],
  ['ExpiredToken', 400, 'MEDIA_UNAVAILABLE', 'bad-credentials', false],
  ['RequestTimeTooSkewed', 403, 'MEDIA_UNAVAILABLE', 'clock-skew', false],
  ['SlowDown', 503, 'MEDIA_BUSY', 'slow-down', true],
  ['', 503, 'MEDIA_BUSY', 'slow-down', true],
  ['', 429, 'MEDIA_BUSY', 'slow-down', true],
  ['InternalError', 500, 'MEDIA_UNAVAILABLE', 'server-error', true],
  ['', 502, 'MEDIA_UNAVAILABLE', 'server-error', true],
  ['PermanentRedirect', 301, 'MEDIA_UNAVAILABLE', 'wrong-region', false],
  ['XMinioStorageFull', 507, 'MEDIA_NO_SPACE', 'backend-full', true],
  ['QuotaExceeded', 403, 'MEDIA_NO_SPACE', 'bucket-quota', true],
  ['EntityTooLarge', 400, 'MEDIA_TOO_LARGE', undefined, false],
  ['PreconditionFailed', 412, 'MEDIA_PRECONDITION', undefined, false],
  ['NotImplemented', 501, 'MEDIA_UNSUPPORTED', 'conditions-refused', false],
  ['InvalidRange', 416, 'MEDIA_RANGE', undefined, false],
  ['XAmzContentSHA256Mismatch', 400, 'MEDIA_UNAVAILABLE', 'changed-in-transit', true],
  ['InvalidObjectState', 403, 'MEDIA_UNAVAILABLE', 'archived', false],
  ['ECONNRESET', undefined, 'MEDIA_UNAVAILABLE', 'connection-lost', true],
  ['ECONNREFUSED', undefined, 'MEDIA_UNAVAILABLE', 'unreachable', true],
  ['ETIMEDOUT', undefined, 'MEDIA_UNAVAILABLE', 'timed-out', true],
  ['CERT_HAS_EXPIRED', undefined, 'MEDIA_UNAVAILABLE', 'tls', false],
  ['SomethingNew', 400, 'MEDIA_UNAVAILABLE', undefined, true],
  ['SomethingNew', 599, 'MEDIA_UNAVAILABLE', 'server-error', true],
])('%s %s is %s %s', (code, status, mediaCode, reason, retryable) => {
  expect(told(code, status)).toEqual([mediaCode, reason, retryable])
})

test('the message names what the endpoint answered and nothing of its text', () => {
  const failure = new S3Failure('AccessDenied', { status: 403, retryAfterMs: 5, requestId: 'r1' })
  const error = bucketError('s3', 'get "a"', failure)
  expect(error.message).toBe(
    's3: cannot get "a": 403 AccessDenied; the credentials may not do this; check the policies of user and bucket',
  )
  expect(error.retryAfterMs).toBe(5)
  expect(error.cause).toBe(failure)
})

test('only "no such key" says absent: 403, a missing bucket and an upload that is gone do not', () => {
  const says = (code: string, status: number): boolean => saysNoSuchKey(new S3Failure(code, { status }))
  expect(says('NoSuchKey', 404)).toBe(true)
  expect(says('NotFound', 404)).toBe(true)
  expect(says('', 404)).toBe(true)
  for (const code of ['NoSuchBucket', 'NoSuchUpload', 'NoSuchVersion']) expect(says(code, 404)).toBe(false)
  for (const status of [400, 403, 410, 500, 503]) expect(says('', status)).toBe(false)
})

test('Retry-After is seconds or a date', () => {
  expect(parseRetryAfter('3', 0)).toBe(3000)
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 4000)).toBe(6000)
  expect(parseRetryAfter('Thu, 01 Jan 1970 00:00:01 GMT', 4000)).toBe(0)
  for (const value of [undefined, '', 'soon', '-1']) expect(parseRetryAfter(value, 0)).toBeUndefined()
})

test('errors of the network are told by their code, others are none', () => {
  const coded = (code: unknown): Error => Object.assign(new Error('x'), { code })
  expect(networkCodeOf(coded('ECONNRESET'))).toBe('ECONNRESET')
  expect(networkCodeOf(coded('UNABLE_TO_VERIFY_LEAF_SIGNATURE'))).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  expect(networkCodeOf(Object.assign(coded('ECONNRESET'), { name: 'TimeoutError' }))).toBe('ECONNRESET')
  for (const error of [coded('MEDIA_ABSENT'), coded(20), coded(undefined), 'ECONNRESET', null])
    expect(networkCodeOf(error)).toBeUndefined()
})
