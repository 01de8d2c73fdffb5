import { validateHeaderName, validateHeaderValue } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { etagOfDigest } from './etag.ts'
import { type Answer, answer, entityFor, NOW_MS, partsOf } from './render.fixture.ts'
import { planRead } from './read-plan.ts'

const RUNS = 10_000
const CONTENT = Buffer.from(Array.from({ length: 400 }, (_, n) => (n * 7 + (n >> 3)) & 0xff))

/** What a client must get, told from the bytes asked for one by one, without any of the engine's arithmetic. */
type Expected =
  | { readonly status: 200 }
  | { readonly status: 416 }
  | { readonly status: 206; readonly bytes: ReadonlySet<number>; readonly firstAsked: readonly number[] }

function oracle(specs: readonly string[], sizeBytes: number): Expected {
  const kept = specs.map((spec) => spec.trim()).filter((spec) => spec !== '')
  if (kept.length === 0 || kept.length > 16) return { status: 200 }
  const sets: number[][] = []
  for (const spec of kept) {
    const read = /^(\d*)-(\d*)$/.exec(spec)
    if (read === null || spec === '-') return { status: 200 }
    const [, first = '', last = ''] = read
    const all = Array.from({ length: sizeBytes }, (_, n) => n)
    if (first === '') {
      const suffix = BigInt(last)
      sets.push(all.filter((n) => BigInt(sizeBytes - n) <= suffix))
    } else {
      if (last !== '' && BigInt(last) < BigInt(first)) return { status: 200 }
      sets.push(all.filter((n) => BigInt(n) >= BigInt(first) && (last === '' || BigInt(n) <= BigInt(last))))
    }
  }
  const hits = sets.filter((set) => set.length > 0)
  if (hits.length === 0) return { status: 416 }
  const timesAsked = new Map<number, number>()
  for (const n of hits.flat()) timesAsked.set(n, (timesAsked.get(n) ?? 0) + 1)
  const overlapping = hits.filter((set) => set.some((n) => (timesAsked.get(n) ?? 0) > 1))
  if (overlapping.length > 2) return { status: 200 }
  return { status: 206, bytes: new Set(hits.flat()), firstAsked: hits.map(([first]) => first ?? -1) }
}

function check(received: Answer, expected: Expected, content: Buffer): void {
  expect(received.status).toBe(expected.status)
  if (expected.status === 416) {
    expect(received.header('Content-Range')).toBe(`bytes */${content.length}`)
    return
  }
  expect(received.header('Content-Length')).toBe(String(received.body.length))
  if (expected.status === 200) {
    expect(received.body.equals(content)).toBe(true)
    expect(received.header('Content-Range')).toBeUndefined()
    return
  }
  const single = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(received.header('Content-Range') ?? '')
  const parts =
    single === null
      ? partsOf(received)
      : [
          {
            start: Number(single[1]),
            last: Number(single[2]),
            total: Number(single[3]),
            type: '',
            bytes: received.body,
          },
        ]
  const seen = new Set<number>()
  for (const { start, last, total, bytes } of parts) {
    expect(total).toBe(content.length)
    expect(bytes.equals(content.subarray(start, last + 1))).toBe(true)
    expect(seen.has(start - 1) || seen.has(last + 1)).toBe(false) // touching parts would have been one
    for (let n = start; n <= last; n++) {
      expect(seen.has(n)).toBe(false)
      seen.add(n)
    }
  }
  expect(seen).toEqual(expected.bytes)
  if (single === null) expect(parts.length).toBeGreaterThan(1)
  // Parts stand in the order in which their first member was asked for.
  const asked = parts.map(({ start, last }) => expected.firstAsked.findIndex((n) => n >= start && n <= last))
  expect(asked).toEqual([...asked].sort((a, b) => a - b))
}

const position = fc.oneof(
  { weight: 8, arbitrary: fc.nat(30).map(String) },
  { weight: 6, arbitrary: fc.nat(420).map(String) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('00', '0007', '9007199254740991', '9007199254740992', '99999999999999999999'),
  },
)
const spec = fc.oneof(
  {
    weight: 10,
    arbitrary: fc
      .tuple(position, fc.nat(12))
      .map(([first, more]) => `${first}-${BigInt(first) + BigInt(more)}`),
  },
  { weight: 2, arbitrary: fc.tuple(position, position).map(([first, last]) => `${first}-${last}`) },
  { weight: 2, arbitrary: position.map((first) => `${first}-`) },
  { weight: 2, arbitrary: position.map((suffix) => `-${suffix}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '-',
      'a-b',
      '+1-2',
      '1-2-3',
      '1e0-2',
      '0x1-2',
      '1 -2',
      '--1',
      '٣-٤',
      '1–2',
    ),
  },
)
const sizeBytes = fc.oneof(fc.nat(12), fc.nat(400))
const padding = fc.constantFrom('', '', '', ' ', '\t', ' \t')

describe('planRead()', { timeout: 60_000 }, () => {
  it('gives for any single range the status, headers and bytes that slicing the body gives', () => {
    fc.assert(
      fc.property(spec, sizeBytes, (one, size) => {
        const content = CONTENT.subarray(0, size)
        check(answer(content, { range: `bytes=${one}` }), oracle([one], size), content)
      }),
      { numRuns: RUNS },
    )
  })

  it('gives for any set of ranges the status, headers and bytes that slicing the body gives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(padding, spec, padding), { maxLength: 18 }),
        sizeBytes,
        (padded, size) => {
          const content = CONTENT.subarray(0, size)
          const specs = padded.map(([before, one, after]) => `${before}${one}${after}`)
          check(answer(content, { range: `Bytes=${specs.join(',')}` }), oracle(specs, size), content)
        },
      ),
      { numRuns: RUNS },
    )
  })

  it('never throws and writes only headers that node:http takes, whatever was stored or sent', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constant('a\r\nSet-Cookie: x\0'),
    )
    const own = `"${etagOfDigest(digestOf(CONTENT))}"`
    const validator = fc.oneof(
      text,
      fc.constantFrom('*', own, `W/${own}`, `"x", ${own}`, 'Sun, 15 Jun 2025 12:00:00 GMT'),
    )
    const headers = fc.record(
      {
        range: fc.oneof(
          text,
          spec.map((one) => `bytes=${one}`),
        ),
        'if-range': validator,
        'if-match': validator,
        'if-none-match': validator,
        'if-modified-since': validator,
        'if-unmodified-since': fc.oneof(validator, fc.array(text)),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(headers, text, text, text, fc.boolean(), (sent, filename, contentType, etag, isOwn) => {
        const stored = entityFor(CONTENT, { filename, contentType, ...(isOwn ? {} : { etag }) })
        const plan = planRead({ method: 'GET', headers: sent }, stored, { nowMs: NOW_MS })
        for (let at = 0; at < plan.headers.length; at += 2) {
          validateHeaderName(plan.headers[at] ?? '')
          validateHeaderValue(plan.headers[at] ?? '', plan.headers[at + 1] ?? '')
        }
        expect(new Set(plan.headers.filter((_, at) => at % 2 === 0)).size).toBe(plan.headers.length / 2)
      }),
      { numRuns: RUNS },
    )
  })
})
