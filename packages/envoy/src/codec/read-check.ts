import { isUtf8 } from 'node:buffer'
import type { GateRequest } from '../contracts.ts'
import { fieldOf, malformed, readEnd, readTag, skipField, type WireReader } from './wire-reader.ts'

/*
 * The question of Envoy: envoy.service.auth.v3.CheckRequest.
 *
 * A browser's request is some thirty headers, of which a decision asks for two or three. So one pass checks the whole
 * message and notes where things lie, and text is made of them only when somebody asks. What comes twice is read as
 * protobuf says: of a single value the last one counts, messages and maps are put together.
 */

/** What the transport knows and the message does not say. */
export interface CheckSource {
  readonly proxyAddress: string
  /** Ms since the epoch. Default: nobody stops waiting. */
  readonly deadlineMs?: number
}

/** A part of the message, by its first byte and the one after its last. */
interface Span {
  start: number
  end: number
}

/** A name and its value where they lie: one small object, for there are many of them. */
interface Pair {
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly valueEnd: number
}

interface Found extends WireReader {
  readonly method: Span
  readonly path: Span
  readonly host: Span
  readonly scheme: Span
  readonly sourceAddress: Span
  /** A map: of one name the last one counts. */
  readonly headers: Pair[]
  /** With `encode_raw_headers`: as many of a name as it had lines. */
  readonly headerLines: Pair[]
  /** A map as well. */
  readonly context: Pair[]
  hasRequest: boolean
}

type Visit = (found: Found, tag: number, end: number) => void

function readMessage(found: Found, end: number, visit: Visit): void {
  while (found.at < end) visit(found, readTag(found, end), end)
}

/** Reads the message that lies here, to its own end. */
function readNested(found: Found, tag: number, end: number, visit: Visit): void {
  readMessage(found, readEnd(found, tag, end), visit)
}

function readSpan(reader: WireReader, tag: number, end: number, span: Span): void {
  const spanEnd = readEnd(reader, tag, end)
  span.start = reader.at
  span.end = spanEnd
  reader.at = spanEnd
}

const visitCheckRequest: Visit = (found, tag, end) => {
  if (fieldOf(tag) === 1) readNested(found, tag, end, visitAttributes)
  else skipField(found, tag, end)
}

const visitAttributes: Visit = (found, tag, end) => {
  switch (fieldOf(tag)) {
    case 1:
      readNested(found, tag, end, visitPeer)
      return
    case 4:
      readNested(found, tag, end, visitRequest)
      return
    case 10:
      readPair(found, tag, end, found.context)
      return
    default:
      skipField(found, tag, end)
  }
}

const visitPeer: Visit = (found, tag, end) => {
  if (fieldOf(tag) === 1) readNested(found, tag, end, visitAddress)
  else skipField(found, tag, end)
}

const visitAddress: Visit = (found, tag, end) => {
  if (fieldOf(tag) === 1) readNested(found, tag, end, visitSocketAddress)
  else skipField(found, tag, end)
}

const visitSocketAddress: Visit = (found, tag, end) => {
  if (fieldOf(tag) === 2) readSpan(found, tag, end, found.sourceAddress)
  else skipField(found, tag, end)
}

const visitRequest: Visit = (found, tag, end) => {
  if (fieldOf(tag) !== 2) {
    skipField(found, tag, end)
    return
  }
  found.hasRequest = true
  readNested(found, tag, end, visitHttpRequest)
}

const visitHttpRequest: Visit = (found, tag, end) => {
  switch (fieldOf(tag)) {
    case 2:
      readSpan(found, tag, end, found.method)
      return
    case 3:
      readPair(found, tag, end, found.headers)
      return
    case 4:
      readSpan(found, tag, end, found.path)
      return
    case 5:
      readSpan(found, tag, end, found.host)
      return
    case 6:
      readSpan(found, tag, end, found.scheme)
      return
    case 13:
      readNested(found, tag, end, visitHeaderMap)
      return
    default:
      skipField(found, tag, end)
  }
}

const visitHeaderMap: Visit = (found, tag, end) => {
  if (fieldOf(tag) === 1) readPair(found, tag, end, found.headerLines)
  else skipField(found, tag, end)
}

/** An entry of a map, or a HeaderValue: key 1, value 2, and of the latter raw_value 3, which Envoy sets instead. */
function readPair(found: Found, tag: number, end: number, into: Pair[]): void {
  const pairEnd = readEnd(found, tag, end)
  let nameStart = 0
  let nameEnd = 0
  let valueStart = 0
  let valueEnd = 0
  while (found.at < pairEnd) {
    const part = readTag(found, pairEnd)
    const field = fieldOf(part)
    if (field === 1) {
      nameEnd = readEnd(found, part, pairEnd)
      nameStart = found.at
      found.at = nameEnd
    } else if (field === 2 || (field === 3 && into === found.headerLines)) {
      valueEnd = readEnd(found, part, pairEnd)
      valueStart = found.at
      found.at = valueEnd
    } else skipField(found, part, pairEnd)
  }
  into.push({ nameStart, nameEnd, valueStart, valueEnd })
}

function textOf(bytes: Buffer, start: number, end: number): string {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (byte !== undefined && byte > 0x7f) return textBeyondAscii(bytes.subarray(start, end))
  }
  return bytes.toString('latin1', start, end)
}

function textBeyondAscii(bytes: Buffer): string {
  // Otherwise two paths that differ only in what is not text would become one.
  if (!isUtf8(bytes)) throw malformed('not-utf8')
  return bytes.toString('utf8')
}

function isNamed(bytes: Buffer, { nameStart, nameEnd }: Pair, name: string): boolean {
  if (nameEnd - nameStart !== name.length) return false
  for (let at = 0; at < name.length; at++) {
    if (bytes[nameStart + at] !== name.charCodeAt(at)) return false
  }
  return true
}

/** What is not UTF-8 in a value becomes U+FFFD; without `encode_raw_headers` Envoy made it `!` before. */
function headerOf({ bytes, headers, headerLines }: Found, name: string): string | undefined {
  const valueOf = ({ valueStart, valueEnd }: Pair): string => bytes.toString('utf8', valueStart, valueEnd)
  let last: Pair | undefined
  for (const pair of headers) if (isNamed(bytes, pair, name)) last = pair
  if (last !== undefined) return valueOf(last)
  const lines = headerLines.filter((pair) => isNamed(bytes, pair, name))
  // Without that setting Envoy joins the lines by a comma itself, those of cookies too.
  return lines.length === 0 ? undefined : lines.map(valueOf).join(name === 'cookie' ? '; ' : ',')
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

const NO_CONTEXT: Readonly<Record<string, string>> = Object.freeze({})

function contextOf({ bytes, context }: Found): Readonly<Record<string, string>> {
  if (context.length === 0) return NO_CONTEXT
  // Not by assignment: a key `__proto__` is a key like any other.
  return Object.fromEntries(
    context.map(({ nameStart, nameEnd, valueStart, valueEnd }) => [
      textOf(bytes, nameStart, nameEnd),
      textOf(bytes, valueStart, valueEnd),
    ]),
  )
}

const nowhere = (): Span => ({ start: 0, end: 0 })

/**
 * The question in a CheckRequest. Headers stay in `bytes`, which must not change while the question lives.
 * @throws MediaError MEDIA_BAD_INPUT when it is not one: truncated, of wrong types, without an HTTP request or method,
 * or not UTF-8 where text belongs.
 * @see https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/auth/v3/external_auth.proto
 */
export function readCheckRequest(bytes: Buffer, source: CheckSource): GateRequest {
  const found: Found = {
    bytes,
    at: 0,
    method: nowhere(),
    path: nowhere(),
    host: nowhere(),
    scheme: nowhere(),
    sourceAddress: nowhere(),
    headers: [],
    headerLines: [],
    context: [],
    hasRequest: false,
  }
  readMessage(found, bytes.length, visitCheckRequest)
  if (!found.hasRequest || found.method.start === found.method.end) throw malformed('no-request')
  const spanText = ({ start, end }: Span): string => textOf(bytes, start, end)
  // Two spreads would cost as much as all the rest.
  const question: Mutable<GateRequest> = {
    method: spanText(found.method),
    target: spanText(found.path),
    host: spanText(found.host),
    scheme: spanText(found.scheme),
    proxyAddress: source.proxyAddress,
    context: contextOf(found),
    header: (name) => headerOf(found, name),
  }
  const sourceAddress = spanText(found.sourceAddress)
  if (sourceAddress !== '') question.sourceAddress = sourceAddress
  const { deadlineMs = Number.POSITIVE_INFINITY } = source
  if (Number.isFinite(deadlineMs)) question.deadlineMs = deadlineMs
  return question
}
