import type { ByteSource } from '../contracts/bytes.ts'
import { MediaError } from '../errors/media-error.ts'
import type { ReadBytes } from './byte-window.ts'

/** Reads ranges of a source. What it throws passes through untouched. */
export function readerOf(source: ByteSource, signal: AbortSignal | undefined): ReadBytes {
  return async (start, endExclusive) => {
    signal?.throwIfAborted()
    if (source.bytes !== undefined) return source.bytes.subarray(start, endExclusive)
    const range = { start, endExclusive }
    const parts: Buffer[] = []
    let length = 0
    try {
      for await (const part of source.open({ range, ...(signal === undefined ? {} : { signal }) })) {
        parts.push(part as Buffer)
        length += (part as Buffer).length
      }
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
    if (length !== endExclusive - start)
      throw new MediaError('MEDIA_UNAVAILABLE', 'the body gave other bytes than its length', {
        reason: 'source-cut-off',
      })
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, length)
  }
}
