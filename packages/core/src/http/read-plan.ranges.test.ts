import { describe, expect, it } from 'vitest'
import { answer, partsOf } from './render.fixture.ts'

const TEN = Buffer.from('0123456789')

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
