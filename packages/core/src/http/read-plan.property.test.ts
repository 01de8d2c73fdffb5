import { validateHeaderName, validateHeaderValue } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../bytes/digest.ts'
import { etagOfDigest } from './etag.ts'
import { planRead } from './read-plan.ts'
import { type Answer, answer, entityFor, NOW_MS, partsOf } from './render.fixture.ts'

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

/** What is wrong with an answer; nothing when it is right. */
function faultsOf(received: Answer, expected: Expected, content: Buffer): readonly string[] {
  const { status, body } = received
  const contentRange = received.header('Content-Range')
  if (status !== expected.status) return [`status ${status}, not ${expected.status}`]
  if (expected.status === 416)
    return contentRange === `bytes */${content.length}` ? [] : ['Content-Range of 416']
  const faults: string[] = []
  if (received.header('Content-Length') !== String(body.length)) faults.push('Content-Length')
  if (expected.status === 200) {
    if (!body.equals(content) || contentRange !== undefined) faults.push('whole body')
    return faults
  }
  const single = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange ?? '')
  const [, start, last, total] = single ?? []
  const parts =
    single === null
      ? partsOf(received)
      : [{ start: Number(start), last: Number(last), total: Number(total), bytes: body }]
  if (single === null && parts.length < 2) faults.push('one part as multipart')
  const seen = new Set<number>()
  for (const part of parts) {
    if (part.total !== content.length) faults.push('total of a part')
    if (!part.bytes.equals(content.subarray(part.start, part.last + 1))) faults.push('bytes of a part')
    if (seen.has(part.start - 1) || seen.has(part.last + 1)) faults.push('parts that touch')
    for (let n = part.start; n <= part.last; n++) seen.add(n)
  }
  const sentBytes = parts.reduce((sum, part) => sum + part.bytes.length, 0)
  const isExact = seen.size === expected.bytes.size && [...seen].every((n) => expected.bytes.has(n))
  if (!isExact || sentBytes !== seen.size) faults.push('bytes that were asked for, each once')
  const asked = parts.map((part) => expected.firstAsked.findIndex((n) => n >= part.start && n <= part.last))
  if (asked.some((position, at) => position < (asked[at - 1] ?? 0))) faults.push('order of parts')
  return faults
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
        expect(faultsOf(answer(content, { range: `bytes=${one}` }), oracle([one], size), content)).toEqual([])
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
          expect(
            faultsOf(answer(content, { range: `Bytes=${specs.join(',')}` }), oracle(specs, size), content),
          ).toEqual([])
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
