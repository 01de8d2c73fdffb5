import { crc32 } from 'node:zlib'
import type { JournalPiece } from '@mediakeep/core'

/**
 * A line as it lies in a segment: `RS crc32 text LF`, the sum as 8 hex digits over the text's UTF-8. Neither RS nor LF can be in
 * a text, so both bound a line: when one of them is changed the other still parts it from its neighbours, and a torn end or
 * a flipped bit costs the line it is in and no other.
 * @see RFC 7464, whose `RS text LF` this is, with a sum
 */
const RS = 0x1e
const LF = 0x0a
const SUM_DIGITS = 8
/** Longer than any line that is written: a body of 64 GiB has chunk sums of 5.6 MB as base64. */
const MAX_LINE_BYTES = 64 * 1024 * 1024

export function frameLine(line: string): string {
  return `\u001e${sumOf(line)}${line}\n`
}

function sumOf(text: string | Uint8Array): string {
  return crc32(text).toString(16).padStart(SUM_DIGITS, '0')
}

/** Takes a segment's bytes block by block. */
export interface LineParser {
  /** The lines that this block ends. The block may be reused afterwards. */
  push(block: Buffer): JournalPiece
  /** What stands behind the last line end. */
  end(): JournalPiece
}

export function createLineParser(): LineParser {
  let rest: Buffer[] = []
  let restBytes = 0
  let lines: string[] = []
  let damaged = 0

  const take = (token: Buffer): void => {
    if (token.length === 0) return
    const line = token[0] === RS ? lineOf(token.subarray(1)) : undefined
    if (line !== undefined) lines.push(line)
    else salvage(token)
  }
  /** Two lines whose bound was lost, or one that was damaged. */
  const salvage = (token: Buffer): void => {
    const parts = splitAt(token, RS).filter((part) => part.length > 0)
    const found = parts.map((part) => lineOf(part))
    const whole = found.filter((line) => line !== undefined)
    lines.push(...whole)
    damaged += whole.length === 0 ? 1 : parts.length - whole.length
  }
  const give = (): JournalPiece => {
    const piece = { lines, damaged }
    lines = []
    damaged = 0
    return piece
  }
  return {
    push(block) {
      let from = 0
      for (let at = block.indexOf(LF); at >= 0; at = block.indexOf(LF, from)) {
        const token = block.subarray(from, at)
        take(rest.length === 0 ? token : Buffer.concat([...rest, token]))
        rest = []
        restBytes = 0
        from = at + 1
      }
      const open = block.subarray(from)
      restBytes += open.length
      // Something that is no line: it is not gathered without end.
      if (restBytes > MAX_LINE_BYTES) rest = [Buffer.of(RS)]
      else if (open.length > 0) rest.push(Buffer.from(open))
      return give()
    },
    end() {
      take(Buffer.concat(rest))
      rest = []
      return give()
    },
  }
}

/** The text of `crc32 text` when its sum is right. */
function lineOf(bytes: Buffer): string | undefined {
  if (bytes.length < SUM_DIGITS) return undefined
  const text = bytes.subarray(SUM_DIGITS)
  return bytes.toString('latin1', 0, SUM_DIGITS) === sumOf(text) ? text.toString('utf8') : undefined
}

function splitAt(bytes: Buffer, separator: number): Buffer[] {
  const parts: Buffer[] = []
  let from = 0
  for (let at = bytes.indexOf(separator); at >= 0; at = bytes.indexOf(separator, from)) {
    parts.push(bytes.subarray(from, at))
    from = at + 1
  }
  parts.push(bytes.subarray(from))
  return parts
}
