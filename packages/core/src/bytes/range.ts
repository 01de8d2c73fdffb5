import type { ByteRange } from '../contracts/bytes.ts'
import { MediaError } from '../errors/media-error.ts'

/**
 * The part of `range` that lies inside `sizeBytes`; the whole when there is no range.
 * @throws MediaError MEDIA_BAD_INPUT for a range that is not two ordered integers, MEDIA_RANGE when it starts at or past the end.
 */
export function clampRange(range: ByteRange | undefined, sizeBytes: number): ByteRange {
  if (range === undefined) return { start: 0, endExclusive: sizeBytes }
  const { start, endExclusive } = range
  if (
    !Number.isSafeInteger(start) ||
    !Number.isSafeInteger(endExclusive) ||
    start < 0 ||
    endExclusive <= start
  ) {
    throw new MediaError(
      'MEDIA_BAD_INPUT',
      `range ${start}-${endExclusive} is not a half-open range of bytes`,
      { reason: 'bad-range' },
    )
  }
  if (start >= sizeBytes) {
    throw new MediaError('MEDIA_RANGE', `range starts at ${start}, the object has ${sizeBytes} bytes`)
  }
  return { start, endExclusive: Math.min(endExclusive, sizeBytes) }
}

export function rangeBytes(range: ByteRange): number {
  return range.endExclusive - range.start
}
