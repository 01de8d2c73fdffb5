import { describe, expect, it } from 'vitest'
import { MEDIA_ERRORS, type MediaErrorCode } from '../errors/codes.ts'
import { MediaError } from '../errors/media-error.ts'
import { absentCacheHeaders } from './cache-control.ts'
import { headerIn } from './headers.ts'
import { problemAnswer, problemOf } from './problem.ts'

const CODES = Object.keys(MEDIA_ERRORS).filter((code): code is MediaErrorCode => code in MEDIA_ERRORS)

describe('problemOf()', () => {
  it('describes a refusal by code, reason and message', () => {
    const error = new MediaError('MEDIA_BAD_INPUT', 'a tag is a text', { reason: 'bad-tags' })
    expect(problemOf(error, { requestId: 'r-1' })).toEqual({
      type: 'urn:mediakeep:error:bad-input',
      title: 'Bad input',
      status: 400,
      code: 'MEDIA_BAD_INPUT',
      reason: 'bad-tags',
      detail: 'a tag is a text',
      requestId: 'r-1',
    })
  })

  it.each([
    new TypeError('cannot read /etc/passwd'),
    'secret',
    undefined,
    null,
    { code: 'MEDIA_ABSENT', message: 'x' },
    42,
  ])('says nothing of an unknown failure: %j', (error) => {
    const problem = problemOf(error)
    expect(problem).toEqual({
      type: 'about:blank',
      title: 'Internal Server Error',
      status: 500,
      detail: 'The server failed to answer. The request id names the entry in its log.',
    })
  })

  it('takes an error of a newer version with a code it does not know as unknown', () => {
    const error = new MediaError('MEDIA_BAD_INPUT', 'x')
    Object.defineProperty(error, 'code', { value: '__proto__' })
    expect(problemOf(error).status).toBe(500)
  })

  it.each(CODES)(
    'never shows the message of %s where it could name a path, an address or a secret',
    (code) => {
      for (const message of [
        "ENOENT: no such file or directory, open '/var/lib/media/ab/cd'",
        'cannot write /var/lib/media/ab: disk full',
        'root is /srv',
        'open C:\\media\\ab',
        '\\\\server\\share is offline',
        'file:///srv/media',
        'redis://:hunter2@10.0.0.1:6379 refused',
        'secret=hunter2 was refused',
        'token: eyJhbGciOi',
        'failed\n    at put (/srv/app/index.js:1:1)',
        'x'.repeat(1_000),
        '',
      ]) {
        const problem = problemOf(new MediaError(code, message))
        expect(problem.detail).not.toBe(message)
        expect(JSON.stringify(problem)).not.toMatch(/\/var|\/srv|hunter2|eyJ|C:\\|10\.0\.0\.1/)
        expect(problem.status).toBe(MEDIA_ERRORS[code].status)
      }
    },
  )

  it('shows messages with media types, sizes and header names', () => {
    for (const detail of [
      'image/png was declared, the bytes are text/html',
      'the body has 5 bytes, 6 were declared',
      'If-Match is not a list of entity tags',
    ]) {
      expect(problemOf(new MediaError('MEDIA_TYPE_REFUSED', detail)).detail).toBe(detail)
    }
  })

  it('answers missing and hidden media with one and the same body', () => {
    const missing = problemOf(new MediaError('MEDIA_ABSENT', 'no media 1'))
    const hidden = problemOf(
      new MediaError('MEDIA_ABSENT', 'media 1 is private', { reason: 'private', cause: new Error('x') }),
    )
    expect(hidden).toEqual(missing)
  })

  it('leaves out a reason that is no word', () => {
    expect(problemOf(new MediaError('MEDIA_INVALID', 'x', { reason: '/etc/passwd' })).reason).toBeUndefined()
  })
})

describe('problemAnswer()', () => {
  it('gives the exact length of a body that is not ASCII', () => {
    const { headers, body } = problemAnswer(new MediaError('MEDIA_INVALID', 'naïve'))
    expect(headerIn(headers, 'content-length')).toBe(String(Buffer.byteLength(body)))
    expect(headerIn(headers, 'content-type')).toBe('application/problem+json')
  })

  it.each([
    [new MediaError('MEDIA_NOT_READY', 'x', { retryAfterMs: 1_001 }), '2'],
    [new MediaError('MEDIA_NOT_READY', 'x', { retryAfterMs: 0 }), '1'],
    [new MediaError('MEDIA_NOT_READY', 'x'), '1'],
    [new MediaError('MEDIA_BUSY', 'x', { retryAfterMs: 60_000 }), '60'],
    [new MediaError('MEDIA_LOCKED', 'x', { retryAfterMs: 5 }), '1'],
    [new MediaError('MEDIA_BUSY', 'x', { retryAfterMs: Number.NaN }), undefined],
    [new MediaError('MEDIA_INVALID', 'x'), undefined],
    [new Error('x'), undefined],
  ])('rounds Retry-After of %s up to %s', (error, expected) => {
    expect(headerIn(problemAnswer(error).headers, 'Retry-After')).toBe(expected)
  })

  it('is not stored by caches, a 404 by none at all unless the route says so', () => {
    const cacheOf = (error: unknown, headers?: readonly string[]): string | undefined =>
      headerIn(problemAnswer(error, headers === undefined ? {} : { headers }).headers, 'Cache-Control')
    const absent = new MediaError('MEDIA_ABSENT', 'x')
    expect(cacheOf(new MediaError('MEDIA_BUSY', 'x'))).toBe('no-store')
    expect(cacheOf(new Error('x'))).toBe('no-store')
    expect(cacheOf(absent)).toBe('private, no-store')
    const ask = { credentialed: false, publicNames: true, byKey: false }
    expect(cacheOf(absent, absentCacheHeaders(ask))).toBe('public, max-age=60')
    expect(cacheOf(absent, absentCacheHeaders({ ...ask, byKey: true }))).toBe('public, max-age=5')
    expect(cacheOf(absent, absentCacheHeaders({ ...ask, credentialed: true }))).toBe('private, no-store')
    expect(cacheOf(absent, absentCacheHeaders({ ...ask, publicNames: false }))).toBe('private, no-store')
  })

  it('varies a 404 that may be stored by the credentials it was asked without', () => {
    expect(
      headerIn(absentCacheHeaders({ credentialed: false, publicNames: true, byKey: true }), 'Vary'),
    ).toBe('Authorization, Cookie')
  })

  it('names a challenge with 401, as RFC 9110 demands, and Allow where it is given', () => {
    const denied = new MediaError('MEDIA_UNAUTHENTICATED', 'x')
    expect(headerIn(problemAnswer(denied).headers, 'WWW-Authenticate')).toBe('Bearer')
    expect(
      headerIn(
        problemAnswer(denied, { challenge: 'Bearer error="invalid_token"' }).headers,
        'WWW-Authenticate',
      ),
    ).toBe('Bearer error="invalid_token"')
    expect(headerIn(problemAnswer(denied, { challenge: 'Bearer\r\nX: y' }).headers, 'WWW-Authenticate')).toBe(
      'Bearer',
    )
    expect(
      headerIn(
        problemAnswer(new MediaError('MEDIA_METHOD', 'x'), { headers: ['Allow', 'GET'] }).headers,
        'Allow',
      ),
    ).toBe('GET')
  })

  it('drops headers that could not be written and keeps its own', () => {
    const { headers } = problemAnswer(new Error('x'), {
      headers: ['X-A', 'a\r\nb', 'Content-Type', 'text/html', 'X-B', 'b'],
    })
    expect(headerIn(headers, 'X-A')).toBeUndefined()
    expect(headerIn(headers, 'Content-Type')).toBe('application/problem+json')
    expect(headerIn(headers, 'X-B')).toBe('b')
  })

  it('carries a status that only the door knows', () => {
    const answer = problemAnswer(new MediaError('MEDIA_BAD_INPUT', 'a length is needed'), { status: 411 })
    expect([answer.status, JSON.parse(answer.body).status]).toEqual([411, 411])
  })
})
