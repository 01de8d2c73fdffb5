import type { ByteRange } from '../contracts/bytes.ts'
import { MAX_RANGE_PARTS } from '../defaults.ts'

/** What a Range header asks of a body of known length. */
export type RangeRequest =
  /** No range, one we do not understand, or one not worth serving in parts: send the whole body. */
  | { readonly type: 'none' }
  /** Understood, and nothing of it lies inside the body: 416. */
  | { readonly type: 'unsatisfiable' }
  | { readonly type: 'single'; readonly range: ByteRange }
  /** Two or more ranges that neither overlap nor touch, in the order they were asked for. */
  | { readonly type: 'multiple'; readonly ranges: readonly ByteRange[] }

export interface RangeLimits {
  /** A header with more ranges than this is answered with the whole body. Default 16. */
  readonly maxParts?: number
}

const NONE: RangeRequest = { type: 'none' }
const UNSATISFIABLE: RangeRequest = { type: 'unsatisfiable' }

/**
 * Reads a Range header. What is not a valid set of byte ranges is ignored, as RFC 9110 section 14.2 allows:
 * other units, `5-2`, signs, exponents, blanks inside a range. Positions of any number of digits are taken.
 * Ranges that overlap or touch become one; a set with more than two ranges that overlap others is ignored.
 * Time grows linearly with the length of the header, up to `maxParts` ranges.
 * @see RFC 9110 sections 14.1.1, 14.1.2, 14.2, 15.3.7
 */
export function parseRange(
  header: string | undefined,
  sizeBytes: number,
  limits: RangeLimits = {},
): RangeRequest {
  if (header === undefined) return NONE
  const setAt = startOfSet(header)
  if (setAt === -1) return NONE
  const maxParts = limits.maxParts ?? MAX_RANGE_PARTS
  const wanted: ByteRange[] = []
  let specs = 0
  let at = setAt
  for (;;) {
    at = skipSeparators(header, at)
    if (at === header.length) break
    if (++specs > maxParts) return NONE
    const spec = readSpec(header, at, sizeBytes)
    if (spec === undefined) return NONE
    if (spec.range !== undefined) wanted.push(spec.range)
    at = spec.end
    while (isBlank(header.charCodeAt(at))) at++
    if (at < header.length && header[at] !== ',') return NONE
  }
  if (specs === 0) return NONE
  const [first] = wanted
  if (first === undefined) return UNSATISFIABLE
  return wanted.length === 1 ? { type: 'single', range: first } : coalesce(wanted)
}

/** The value of Content-Range for a part. @see RFC 9110 section 14.4 */
export function contentRange(range: ByteRange, sizeBytes: number): string {
  return `bytes ${range.start}-${range.endExclusive - 1}/${sizeBytes}`
}

/** Index after `bytes=`, or -1. The unit's name has no case. */
function startOfSet(header: string): number {
  let at = 0
  while (isBlank(header.charCodeAt(at))) at++
  if (header.startsWith('bytes=', at)) return at + 6
  return header.slice(at, at + 6).toLowerCase() === 'bytes=' ? at + 6 : -1
}

/** `range` is absent when the spec is valid and lies outside the body; no answer when it is not valid. */
function readSpec(
  text: string,
  at: number,
  sizeBytes: number,
): { readonly range?: ByteRange; readonly end: number } | undefined {
  const firstEnd = endOfDigits(text, at)
  if (text[firstEnd] !== '-') return undefined
  const lastAt = firstEnd + 1
  const end = endOfDigits(text, lastAt)
  if (firstEnd === at) {
    if (end === lastAt) return undefined
    const suffixBytes = positionOf(text, lastAt, end)
    if (suffixBytes === 0 || sizeBytes === 0) return { end }
    return { range: { start: Math.max(0, sizeBytes - suffixBytes), endExclusive: sizeBytes }, end }
  }
  const start = positionOf(text, at, firstEnd)
  if (end === lastAt) return start >= sizeBytes ? { end } : { range: { start, endExclusive: sizeBytes }, end }
  const last = positionOf(text, lastAt, end)
  if (
    last < start ||
    (last === Number.MAX_SAFE_INTEGER && isBefore(text.slice(lastAt, end), text.slice(at, firstEnd)))
  ) {
    return undefined
  }
  if (start >= sizeBytes) return { end }
  return { range: { start, endExclusive: Math.min(last + 1, sizeBytes) }, end }
}

/** Decimal digits as a number; what a number cannot hold is as good as the largest one. */
function positionOf(text: string, at: number, end: number): number {
  let value = 0
  for (let index = at; index < end; index++) {
    value = value * 10 + (text.charCodeAt(index) - 48)
    if (value >= Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER
  }
  return value
}

/** Compares two runs of digits that are too long for numbers. */
function isBefore(left: string, right: string): boolean {
  const a = left.replace(/^0+/, '')
  const b = right.replace(/^0+/, '')
  return a.length === b.length ? a < b : a.length < b.length
}

function coalesce(wanted: readonly ByteRange[]): RangeRequest {
  const order = wanted.map((range, asked) => ({ range, asked })).sort((a, b) => a.range.start - b.range.start)
  const merged: { start: number; endExclusive: number; asked: number }[] = []
  let overlapping = 0
  let membersOverlap = false
  for (const { range, asked } of order) {
    const last = merged.at(-1)
    if (last === undefined || range.start > last.endExclusive) {
      merged.push({ ...range, asked })
      membersOverlap = false
      continue
    }
    if (range.start < last.endExclusive) {
      overlapping += membersOverlap ? 1 : 2
      membersOverlap = true
    }
    last.endExclusive = Math.max(last.endExclusive, range.endExclusive)
    last.asked = Math.min(last.asked, asked)
  }
  if (overlapping > 2) return NONE
  merged.sort((a, b) => a.asked - b.asked)
  const ranges = merged.map(({ start, endExclusive }): ByteRange => ({ start, endExclusive }))
  const [first] = ranges
  return ranges.length === 1 && first !== undefined
    ? { type: 'single', range: first }
    : { type: 'multiple', ranges }
}

function endOfDigits(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code >= 48 && code <= 57; code = text.charCodeAt(at)) at++
  return at
}

function skipSeparators(text: string, from: number): number {
  let at = from
  for (let code = text.charCodeAt(at); code === 0x2c || isBlank(code); code = text.charCodeAt(at)) at++
  return at
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
