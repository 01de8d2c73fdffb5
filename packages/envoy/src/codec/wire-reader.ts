import { MediaError } from '@mediakeep/core'

/** Why bytes are not a question that can be answered. */
export type WireFault =
  | 'truncated'
  | 'overlong'
  | 'bad-tag'
  | 'bad-group'
  | 'bad-type'
  | 'not-utf8'
  | 'no-request'

/** Bytes with the place where reading stands. */
export interface WireReader {
  readonly bytes: Buffer
  at: number
}

const MAX_VARINT_BYTES = 10
const MAX_TAG = 0xffff_ffff
const MAX_GROUP_DEPTH = 32
const END_GROUP = 4

/** What each wire type is called on the wire. @see https://protobuf.dev/programming-guides/encoding/ */
const wireTypeOf = (tag: number): number => tag & 7
export const fieldOf = (tag: number): number => tag >>> 3

export function malformed(fault: WireFault): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `gate: the check request is malformed (${fault})`, {
    reason: fault,
  })
}

/** Exact up to 2^53, and above still larger than any length that fits: callers compare and never compute with it. */
function readVarint(reader: WireReader, end: number): number {
  let value = 0
  let scale = 1
  for (let count = 1; count <= MAX_VARINT_BYTES; count++) {
    const byte = reader.at < end ? reader.bytes[reader.at] : undefined
    if (byte === undefined) throw malformed('truncated')
    reader.at += 1
    if (byte < 0x80) {
      // The tenth byte has room for one bit of a 64-bit number.
      if (count === MAX_VARINT_BYTES && byte > 1) throw malformed('overlong')
      return value + byte * scale
    }
    value += (byte - 0x80) * scale
    scale *= 0x80
  }
  throw malformed('overlong')
}

/** Field number and wire type of what follows. */
export function readTag(reader: WireReader, end: number): number {
  const tag = readVarint(reader, end)
  if (tag > MAX_TAG || fieldOf(tag) === 0) throw malformed('bad-tag')
  return tag
}

function advance(reader: WireReader, end: number, byteCount: number): void {
  if (byteCount > end - reader.at) throw malformed('truncated')
  reader.at += byteCount
}

/** End of a string, bytes or message that starts where reading stands after this. Any other wire type is refused. */
export function readEnd(reader: WireReader, tag: number, end: number): number {
  if (wireTypeOf(tag) !== 2) throw malformed('bad-type')
  const byteCount = readVarint(reader, end)
  if (byteCount > end - reader.at) throw malformed('truncated')
  return reader.at + byteCount
}

/** Passes over a field that means nothing to us: what a later Envoy adds must not stop an older gate. */
export function skipField(reader: WireReader, tag: number, end: number, depth = 0): void {
  switch (wireTypeOf(tag)) {
    case 0:
      readVarint(reader, end)
      return
    case 1:
      advance(reader, end, 8)
      return
    case 2:
      reader.at = readEnd(reader, tag, end)
      return
    case 3:
      skipGroup(reader, fieldOf(tag), end, depth)
      return
    case 5:
      advance(reader, end, 4)
      return
    default:
      throw malformed('bad-type')
  }
}

function skipGroup(reader: WireReader, field: number, end: number, depth: number): void {
  if (depth >= MAX_GROUP_DEPTH) throw malformed('bad-group')
  for (;;) {
    const tag = readTag(reader, end)
    if (wireTypeOf(tag) !== END_GROUP) {
      skipField(reader, tag, end, depth + 1)
      continue
    }
    if (fieldOf(tag) !== field) throw malformed('bad-group')
    return
  }
}
