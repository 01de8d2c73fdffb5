import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { etagOfDigest } from './etag.ts'
import { planRead } from './read-plan.ts'
import { answer, EARLIER, entityFor, LATER, MODIFIED, NOW_MS } from './render.fixture.ts'

const TEN = Buffer.from('0123456789')
const TAG = `"${etagOfDigest(digestOf(TEN))}"`
const OTHER = '"sha256-other"'
const WEAK = `W/${TAG}`

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
