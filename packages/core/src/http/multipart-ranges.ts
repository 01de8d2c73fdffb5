import type { ByteRange } from '../contracts/bytes.ts'
import { contentRange } from './ranges.ts'

/** One part of a multipart/byteranges body: write `head`, then the bytes of `range`. */
export interface RangePart {
  readonly head: string
  readonly range: ByteRange
}

/** A whole multipart/byteranges body, its bytes left open: the parts in order, then `closing`. */
export interface MultipartRanges {
  readonly boundary: string
  readonly parts: readonly RangePart[]
  readonly closing: string
  /** Exact length of the body. */
  readonly sizeBytes: number
}

/**
 * The boundary is made from the digest of the content, so equal requests get equal bodies, and nobody can write
 * a content that holds its own boundary: that would be a fixed point of SHA-256. `undefined` for other validators.
 */
export function boundaryOf(etag: string | undefined): string | undefined {
  return etag !== undefined && /^sha256-[A-Za-z0-9_-]{43}$/.test(etag)
    ? `mediakeep-${etag.slice(7)}`
    : undefined
}

/** Lays out the parts of a multipart/byteranges answer. @see RFC 9110 sections 14.6, 15.3.7.2 */
export function planMultipart(
  ranges: readonly ByteRange[],
  contentType: string,
  entityBytes: number,
  boundary: string,
): MultipartRanges {
  const closing = `\r\n--${boundary}--\r\n`
  let sizeBytes = closing.length
  const parts = ranges.map((range, index): RangePart => {
    const lead = index === 0 ? '' : '\r\n'
    const head = `${lead}--${boundary}\r\nContent-Type: ${contentType}\r\nContent-Range: ${contentRange(range, entityBytes)}\r\n\r\n`
    sizeBytes += head.length + range.endExclusive - range.start // heads are ASCII: characters are bytes
    return { head, range }
  })
  return { boundary, parts, closing, sizeBytes }
}
