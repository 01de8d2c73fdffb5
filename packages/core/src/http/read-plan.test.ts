import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { etagOfDigest } from './etag.ts'
import { planRead } from './read-plan.ts'
import { answer, EARLIER, entityFor, LATER, MODIFIED, NOW_MS, partsOf } from './render.fixture.ts'

const TEN = Buffer.from('0123456789')
const TAG = `"${etagOfDigest(digestOf(TEN))}"`
const OTHER = '"sha256-other"'
const WEAK = `W/${TAG}`

interface RangeRow {
  readonly claim: string
  readonly range: string
  readonly status: 200 | 206 | 416
  readonly bytes?: string
  readonly contentRange?: string
}

const RANGES: readonly RangeRow[] = [
  { claim: '1 the first byte', range: 'bytes=0-0', status: 206, bytes: '0', contentRange: 'bytes 0-0/10' },
  {
    claim: '2 the last byte by position',
    range: 'bytes=9-9',
    status: 206,
    bytes: '9',
    contentRange: 'bytes 9-9/10',
  },
  {
    claim: '3 the last byte by suffix',
    range: 'bytes=-1',
    status: 206,
    bytes: '9',
    contentRange: 'bytes 9-9/10',
  },
  {
    claim: '4 a suffix of five',
    range: 'bytes=-5',
    status: 206,
    bytes: '56789',
    contentRange: 'bytes 5-9/10',
  },
  {
    claim: '5 a suffix longer than the body is the whole body as 206',
    range: 'bytes=-100',
    status: 206,
    bytes: '0123456789',
    contentRange: 'bytes 0-9/10',
  },
  { claim: '6 an empty suffix is unsatisfiable', range: 'bytes=-0', status: 416, contentRange: 'bytes */10' },
  {
    claim: '7 a start at the end is unsatisfiable',
    range: 'bytes=10-',
    status: 416,
    contentRange: 'bytes */10',
  },
  {
    claim: '8 a start past the end is unsatisfiable',
    range: 'bytes=11-12',
    status: 416,
    contentRange: 'bytes */10',
  },
  {
    claim: '9 an end of twenty digits is clamped',
    range: 'bytes=0-99999999999999999999',
    status: 206,
    bytes: '0123456789',
    contentRange: 'bytes 0-9/10',
  },
  {
    claim: '10 a start of twenty digits is unsatisfiable',
    range: 'bytes=99999999999999999999-',
    status: 416,
    contentRange: 'bytes */10',
  },
  {
    claim: '11 an open end reaches the last byte',
    range: 'bytes=7-',
    status: 206,
    bytes: '789',
    contentRange: 'bytes 7-9/10',
  },
  { claim: '12 an end before the start is ignored', range: 'bytes=5-2', status: 200 },
  {
    claim: '13 ends that are too long for numbers are still compared',
    range: 'bytes=99999999999999999999-99999999999999999998',
    status: 200,
  },
  { claim: '14 a sign is ignored', range: 'bytes=+0-1', status: 200 },
  { claim: '15 hexadecimal is ignored', range: 'bytes=0x0-0x5', status: 200 },
  { claim: '16 an exponent is ignored', range: 'bytes=1e0-2', status: 200 },
  { claim: '17 an empty set is ignored', range: 'bytes=', status: 200 },
  { claim: '18 an empty header is ignored', range: '', status: 200 },
  { claim: '19 a lone dash is ignored', range: 'bytes=-', status: 200 },
  {
    claim: '20 the unit has no case',
    range: 'BYTES=0-1',
    status: 206,
    bytes: '01',
    contentRange: 'bytes 0-1/10',
  },
  {
    claim: '21 blanks around list elements are taken',
    range: 'bytes= \t2-3 ,',
    status: 206,
    bytes: '23',
    contentRange: 'bytes 2-3/10',
  },
  { claim: '22 blanks within a range are ignored', range: 'bytes=2 -3', status: 200 },
  { claim: '23 another unit is ignored', range: 'items=0-1', status: 200 },
  { claim: '24 no unit is ignored', range: '0-1', status: 200 },
  {
    claim: '25 overlapping ranges become one',
    range: 'bytes=0-3,2-5',
    status: 206,
    bytes: '012345',
    contentRange: 'bytes 0-5/10',
  },
  {
    claim: '26 adjacent ranges become one',
    range: 'bytes=3-5,0-2',
    status: 206,
    bytes: '012345',
    contentRange: 'bytes 0-5/10',
  },
  {
    claim: '27 ranges outside the body are left out of a set',
    range: 'bytes=0-1,20-30,-0',
    status: 206,
    bytes: '01',
    contentRange: 'bytes 0-1/10',
  },
  {
    claim: '28 a set wholly outside is unsatisfiable',
    range: 'bytes=10-,20-30',
    status: 416,
    contentRange: 'bytes */10',
  },
  { claim: '29 one bad range spoils the set', range: 'bytes=0-1,5-2', status: 200 },
  {
    claim: '30 more than two overlapping ranges get the whole body',
    range: 'bytes=0-5,1-6,2-7',
    status: 200,
  },
  {
    claim: '31 more than sixteen ranges get the whole body',
    range: `bytes=${'0-0,'.repeat(17)}`,
    status: 200,
  },
  { claim: '32 two Range lines are one malformed header', range: 'bytes=0-1, bytes=3-4', status: 200 },
]

describe('ranges', () => {
  it.each(RANGES)('planRead() range $claim', ({ range, status, bytes, contentRange }) => {
    const received = answer(TEN, { range })
    expect(received.status).toBe(status)
    expect(received.header('Content-Range')).toBe(contentRange)
    if (status === 416) return
    expect(received.body.toString()).toBe(bytes ?? '0123456789')
    expect(received.header('Content-Length')).toBe(String(received.body.length))
  })

  it('planRead() answers two disjoint ranges as multipart of exact length, in the order asked', () => {
    const received = answer(TEN, { range: 'bytes=8-9, 0-1' })
    expect(received.status).toBe(206)
    expect(received.header('Content-Range')).toBeUndefined()
    expect(received.body.subarray(0, 2).toString()).toBe('--')
    expect(received.header('Content-Length')).toBe(String(received.body.length))
    expect(
      partsOf(received).map(({ start, last, total, type, bytes }) => [
        start,
        last,
        total,
        type,
        bytes.toString(),
      ]),
    ).toEqual([
      [8, 9, 10, 'image/png', '89'],
      [0, 1, 10, 'image/png', '01'],
    ])
  })

  it('planRead() serves sixteen ranges and not seventeen', () => {
    const content = Buffer.alloc(100, 'x')
    const set = (count: number): string =>
      `bytes=${Array.from({ length: count }, (_, n) => `${n * 4}-${n * 4}`).join(',')}`
    expect(partsOf(answer(content, { range: set(16) }))).toHaveLength(16)
    expect(answer(content, { range: set(17) }).status).toBe(200)
  })

  it('planRead() sends the whole body where several ranges could not be told apart for want of a digest', () => {
    const received = answer(TEN, { range: 'bytes=0-0,9-9' }, { entity: { etag: 'from-elsewhere' } })
    expect([received.status, received.body.length]).toEqual([200, 10])
  })

  it('planRead() ignores Range on HEAD', () => {
    const received = answer(TEN, { range: 'bytes=0-0' }, { method: 'HEAD' })
    expect([received.status, received.header('Content-Length'), received.header('Content-Range')]).toEqual([
      200,
      '10',
      undefined,
    ])
    expect(received.body.length).toBe(0)
  })

  it.each(['bytes=0-', 'bytes=-1', 'bytes=0-0', 'bytes=0-0,1-1'])(
    'planRead() answers 416 for %s of an empty content',
    (range) => {
      const received = answer(Buffer.alloc(0), { range })
      expect([received.status, received.header('Content-Range')]).toEqual([416, 'bytes */0'])
    },
  )

  it('planRead() never mixes a range with a content coding', () => {
    const received = answer(
      TEN,
      { range: 'bytes=2-3', 'accept-encoding': 'gzip, br' },
      { entity: { contentType: 'text/plain' } },
    )
    expect([received.status, received.body.toString(), received.header('Content-Encoding')]).toEqual([
      206,
      '23',
      undefined,
    ])
  })
})

interface ConditionRow {
  readonly claim: string
  readonly headers: Readonly<Record<string, string>>
  readonly status: 200 | 206 | 304 | 412
}

const CONDITIONS: readonly ConditionRow[] = [
  {
    claim: 'If-None-Match with our tag in a list is 304',
    headers: { 'if-none-match': `${OTHER}, ${TAG}` },
    status: 304,
  },
  { claim: 'If-None-Match * is 304', headers: { 'if-none-match': '*' }, status: 304 },
  { claim: 'If-None-Match compares weakly', headers: { 'if-none-match': WEAK }, status: 304 },
  {
    claim: 'If-None-Match takes blanks and empty elements',
    headers: { 'if-none-match': ` ,  ${TAG}\t, ` },
    status: 304,
  },
  { claim: 'If-None-Match without our tag is 200', headers: { 'if-none-match': OTHER }, status: 200 },
  {
    claim: 'If-None-Match that is malformed is ignored',
    headers: { 'if-none-match': TAG.slice(1, -1) },
    status: 200,
  },
  {
    claim: 'If-None-Match mismatch wins over If-Modified-Since',
    headers: { 'if-none-match': OTHER, 'if-modified-since': LATER },
    status: 200,
  },
  {
    claim: 'If-None-Match match wins over If-Modified-Since',
    headers: { 'if-none-match': TAG, 'if-modified-since': EARLIER },
    status: 304,
  },
  { claim: 'If-Modified-Since at the date is 304', headers: { 'if-modified-since': MODIFIED }, status: 304 },
  {
    claim: 'If-Modified-Since before the date is 200',
    headers: { 'if-modified-since': EARLIER },
    status: 200,
  },
  {
    claim: 'If-Modified-Since that is no date is ignored',
    headers: { 'if-modified-since': 'yesterday' },
    status: 200,
  },
  { claim: 'If-Match with our tag is 200', headers: { 'if-match': `${OTHER}, ${TAG}` }, status: 200 },
  { claim: 'If-Match compares strongly: a weak tag is 412', headers: { 'if-match': WEAK }, status: 412 },
  { claim: 'If-Match * is 200', headers: { 'if-match': '*' }, status: 200 },
  { claim: 'If-Match without our tag is 412', headers: { 'if-match': OTHER }, status: 412 },
  { claim: 'If-Match that is malformed is 412', headers: { 'if-match': 'x' }, status: 412 },
  {
    claim: 'If-Unmodified-Since before the date is 412',
    headers: { 'if-unmodified-since': EARLIER },
    status: 412,
  },
  {
    claim: 'If-Unmodified-Since at the date is 200',
    headers: { 'if-unmodified-since': MODIFIED },
    status: 200,
  },
  {
    claim: 'If-Unmodified-Since that is no date is ignored',
    headers: { 'if-unmodified-since': 'Sun, 15 Jun 2025' },
    status: 200,
  },
  {
    claim: 'precedence 1: If-Match fails before If-None-Match matches',
    headers: { 'if-match': OTHER, 'if-none-match': TAG },
    status: 412,
  },
  {
    claim: 'precedence 2: If-Match holds, If-Unmodified-Since is not looked at',
    headers: { 'if-match': TAG, 'if-unmodified-since': EARLIER },
    status: 200,
  },
  {
    claim: 'precedence 3: If-Match holds, If-None-Match matches',
    headers: { 'if-match': TAG, 'if-none-match': TAG },
    status: 304,
  },
  {
    claim: 'precedence 4: If-Unmodified-Since fails before If-None-Match matches',
    headers: { 'if-unmodified-since': EARLIER, 'if-none-match': TAG },
    status: 412,
  },
  {
    claim: 'precedence 5: a 304 wins over a range',
    headers: { 'if-none-match': TAG, range: 'bytes=0-0' },
    status: 304,
  },
  {
    claim: 'precedence 6: a 412 wins over a range',
    headers: { 'if-match': OTHER, range: 'bytes=0-0' },
    status: 412,
  },
  {
    claim: 'precedence 7: If-Range is weighed after the others held',
    headers: { 'if-match': TAG, 'if-none-match': OTHER, 'if-range': TAG, range: 'bytes=0-0' },
    status: 206,
  },
  {
    claim: 'If-Range with our strong tag serves the range',
    headers: { 'if-range': TAG, range: 'bytes=0-0' },
    status: 206,
  },
  {
    claim: 'If-Range with our tag made weak sends all',
    headers: { 'if-range': WEAK, range: 'bytes=0-0' },
    status: 200,
  },
  {
    claim: 'If-Range with another tag sends all',
    headers: { 'if-range': OTHER, range: 'bytes=0-0' },
    status: 200,
  },
  {
    claim: 'If-Range with the exact date serves the range',
    headers: { 'if-range': MODIFIED, range: 'bytes=0-0' },
    status: 206,
  },
  {
    claim: 'If-Range with a later date sends all',
    headers: { 'if-range': LATER, range: 'bytes=0-0' },
    status: 200,
  },
  {
    claim: 'If-Range with an earlier date sends all',
    headers: { 'if-range': EARLIER, range: 'bytes=0-0' },
    status: 200,
  },
  {
    claim: 'If-Range that holds no validator sends all',
    headers: { 'if-range': '*', range: 'bytes=0-0' },
    status: 200,
  },
  {
    claim: 'If-Range that fails sends all also where the range is unsatisfiable',
    headers: { 'if-range': OTHER, range: 'bytes=99-' },
    status: 200,
  },
  { claim: 'If-Range without Range means nothing', headers: { 'if-range': OTHER }, status: 200 },
]

describe('conditions', () => {
  it.each(CONDITIONS)('planRead() $claim', ({ headers, status }) => {
    expect(answer(TEN, headers).status).toBe(status)
  })

  it.each(CONDITIONS.filter((row) => row.status === 304 || row.status === 412))(
    'planRead() answers HEAD as GET: $claim',
    ({ headers, status }) => {
      expect(answer(TEN, headers, { method: 'HEAD' }).status).toBe(status)
    },
  )

  it('planRead() gives a 304 its validators and cache headers, no body and nothing about the content', () => {
    const received = answer(TEN, { 'if-none-match': TAG }, { entity: { visibility: 'private' } })
    expect(received.header('ETag')).toBe(TAG)
    expect(received.header('Cache-Control')).toBe('private, no-cache')
    expect(received.header('Vary')).toBe('Authorization, Cookie')
    expect(received.header('Last-Modified')).toBe(MODIFIED)
    for (const name of [
      'Content-Type',
      'Content-Length',
      'Content-Disposition',
      'Content-Range',
      'Accept-Ranges',
    ]) {
      expect(received.header(name)).toBeUndefined()
    }
    expect(received.body.length).toBe(0)
  })

  it('planRead() says the same of caching in 200, 206 and 304', () => {
    const cached = ['ETag', 'Cache-Control', 'Vary', 'Last-Modified']
    const of = (headers: Readonly<Record<string, string>>): unknown[] => {
      const received = answer(TEN, headers, { entity: { visibility: 'private' } })
      return cached.map((name) => received.header(name))
    }
    expect(of({ range: 'bytes=0-0' })).toEqual(of({}))
    expect(of({ range: 'bytes=0-0,5-5' })).toEqual(of({}))
    expect(of({ 'if-none-match': '*' })).toEqual(of({}))
  })

  it('planRead() never matches tags of a content that has none', () => {
    const { etag: _, ...entity } = entityFor(TEN)
    const statusOf = (headers: Readonly<Record<string, string>>): number =>
      planRead({ method: 'GET', headers }, entity, { nowMs: NOW_MS }).status
    expect(statusOf({ 'if-match': TAG })).toBe(412)
    expect(statusOf({ 'if-none-match': TAG })).toBe(200)
    expect(statusOf({ 'if-range': TAG, range: 'bytes=0-0' })).toBe(200)
  })
})

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
