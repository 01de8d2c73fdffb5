import { describe, expect, it } from 'vitest'
import { answer, NOW_MS } from './render.fixture.ts'

const TEN = Buffer.from('0123456789')
const OTHER = '"sha256-other"'

describe('headers', () => {
  it('planRead() takes a policy of the host, when it can stand in a header', () => {
    const policy = (contentSecurityPolicy: string): string | undefined =>
      answer(TEN, {}, { options: { contentSecurityPolicy } }).header('Content-Security-Policy')
    expect(policy("default-src 'none'; media-src 'self'")).toBe("default-src 'none'; media-src 'self'")
    expect(policy('a\r\nSet-Cookie: b')).toBe("sandbox; default-src 'none'")
  })

  it('planRead() refuses other methods with 405 and Allow', () => {
    const received = answer(TEN, {}, { method: 'POST' })
    expect([received.status, received.header('Allow')]).toEqual([405, 'GET, HEAD'])
  })

  it.each([
    ['200', {}],
    ['206', { range: 'bytes=0-0' }],
    ['206 of several', { range: 'bytes=0-0,5-5' }],
    ['304', { 'if-none-match': '*' }],
    ['412', { 'if-match': OTHER }],
    ['416', { range: 'bytes=99-' }],
  ])('planRead() keeps a %s from being sniffed, scripted or embedded against the owner', (_, headers) => {
    const received = answer(TEN, headers, { entity: { visibility: 'private' } })
    expect(received.header('X-Content-Type-Options')).toBe('nosniff')
    expect(received.header('Content-Security-Policy')).toBe("sandbox; default-src 'none'")
    expect(received.header('Cross-Origin-Resource-Policy')).toBe('same-origin')
    expect(received.header('Cache-Control')).not.toContain('public')
  })

  it.each([
    'image/png',
    'image/jpeg',
    'image/gif',
    'image/webp',
    'image/avif',
    'video/mp4',
    'video/webm',
    'audio/webm',
    'audio/ogg',
    'video/ogg',
    'audio/wav',
    'audio/mpeg',
    'text/plain',
    'audio/ogg; codecs=opus',
    'IMAGE/PNG',
  ])('planRead() shows %s in place', (contentType) => {
    expect(answer(TEN, {}, { entity: { contentType } }).header('Content-Disposition')).toBe(
      'inline; filename="a.png"',
    )
  })

  it.each([
    'image/svg+xml',
    'text/html',
    'application/xhtml+xml',
    'text/xml',
    'application/xml',
    'application/pdf',
    'application/octet-stream',
    'application/javascript',
    'multipart/related',
    'nonsense',
    'image/png\r\nX: y',
    '',
  ])('planRead() sends %j as attachment', (contentType) => {
    expect(answer(TEN, {}, { entity: { contentType } }).header('Content-Disposition')).toBe(
      'attachment; filename="a.png"',
    )
  })

  it('planRead() sends as attachment what is asked for as download', () => {
    expect(answer(TEN, {}, { options: { download: true } }).header('Content-Disposition')).toMatch(
      /^attachment/,
    )
  })

  it('planRead() shows in place what the host lists, and only that', () => {
    const options = { inlineTypes: new Set(['application/pdf']) }
    expect(
      answer(TEN, {}, { options, entity: { contentType: 'application/pdf' } }).header('Content-Disposition'),
    ).toMatch(/^inline/)
    expect(answer(TEN, {}, { options }).header('Content-Disposition')).toMatch(/^attachment/)
  })

  it.each([
    ['text/plain', 'text/plain; charset=utf-8'],
    ['text/plain; charset=utf-7', 'text/plain; charset=utf-8'],
    ['Video/MP4', 'video/mp4'],
    ['audio/ogg;codecs=opus', 'audio/ogg; codecs=opus'],
    ['image/png\r\nSet-Cookie: a=b', 'application/octet-stream'],
    ['image/png, text/html', 'application/octet-stream'],
  ])('planRead() serves stored type %j as %s', (contentType, served) => {
    expect(answer(TEN, {}, { entity: { contentType } }).header('Content-Type')).toBe(served)
  })

  const in_ = (seconds: number): Date => new Date(NOW_MS + seconds * 1000)
  it.each([
    ['public', { visibility: 'public' }, {}, 'public, max-age=0, must-revalidate'],
    [
      'public and immutable',
      { visibility: 'public' },
      { immutable: true },
      'public, max-age=31536000, immutable',
    ],
    ['private', { visibility: 'private' }, {}, 'private, no-cache'],
    ['private and immutable', { visibility: 'private' }, { immutable: true }, 'private, no-cache'],
    [
      'signed for a minute',
      { visibility: 'private' },
      { signatureExpiresAt: in_(60) },
      'private, max-age=60',
    ],
    [
      'signed for a day',
      { visibility: 'private' },
      { signatureExpiresAt: in_(86_400) },
      'private, max-age=300',
    ],
    [
      'signed, immutable',
      { visibility: 'private' },
      { signatureExpiresAt: in_(86_400), immutable: true },
      'private, max-age=86400',
    ],
    ['signed and public', { visibility: 'public' }, { signatureExpiresAt: in_(60) }, 'private, max-age=60'],
    [
      'signed until just now',
      { visibility: 'private' },
      { signatureExpiresAt: in_(0.5) },
      'private, no-cache',
    ],
  ] as const)(
    'planRead() caches a content that is %s no further than allowed',
    (_, entity, options, expected) => {
      expect(answer(TEN, {}, { entity, options }).header('Cache-Control')).toBe(expected)
    },
  )

  it('planRead() varies private answers by credentials, and public or signed ones by nothing but what is given', () => {
    const vary = (visibility: 'public' | 'private', options: object): string | undefined =>
      answer(TEN, {}, { entity: { visibility }, options }).header('Vary')
    expect(vary('public', {})).toBeUndefined()
    expect(vary('public', { vary: 'Origin' })).toBe('Origin')
    expect(vary('private', {})).toBe('Authorization, Cookie')
    expect(vary('private', { vary: 'Origin' })).toBe('Authorization, Cookie, Origin')
    expect(vary('private', { signatureExpiresAt: in_(60) })).toBeUndefined()
  })

  it('planRead() never says that a content was modified in the future', () => {
    const received = answer(TEN, {}, { entity: { modifiedAt: new Date(NOW_MS + 3_600_000) } })
    expect(received.header('Last-Modified')).toBe('Fri, 02 Jan 2026 03:04:05 GMT')
  })

  it('planRead() leaves out an ETag that could not stand in a header', () => {
    for (const etag of ['a"b', 'a b', 'a\r\nb', 'a\u0100']) {
      expect(answer(TEN, {}, { entity: { etag } }).header('ETag')).toBeUndefined()
    }
  })
})
