import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { ByteRange, ByteSource, Digest } from '../contracts/bytes.ts'

/** A source over bytes in memory. The caller must not change them afterwards. */
export function bytesSource(bytes: Uint8Array, digest?: Digest): ByteSource {
  return {
    sizeBytes: bytes.byteLength,
    bytes,
    ...(digest === undefined ? {} : { digest }),
    open({ range, signal } = {}) {
      const part = range === undefined ? bytes : bytes.subarray(range.start, range.endExclusive)
      const stream = Readable.from(part.byteLength === 0 ? [] : [part], { objectMode: false })
      if (signal !== undefined) destroyOnAbort(stream, signal)
      return stream
    },
  }
}

/** A source over bytes that lie in memory in pieces, none of them empty: they are never copied into one. */
export function partsSource(parts: readonly Uint8Array[], sizeBytes: number, digest: Digest): ByteSource {
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return bytesSource(only, digest)
  return {
    sizeBytes,
    digest,
    open({ range = { start: 0, endExclusive: sizeBytes }, signal } = {}) {
      const chosen = within(parts, range)
      let next = 0
      const stream = new Readable({
        read() {
          this.push(chosen[next++] ?? null)
        },
      })
      if (signal !== undefined) destroyOnAbort(stream, signal)
      return stream
    },
  }
}

function within(parts: readonly Uint8Array[], { start, endExclusive }: ByteRange): readonly Uint8Array[] {
  const chosen: Uint8Array[] = []
  let at = 0
  for (const part of parts) {
    const piece = part.subarray(Math.max(0, start - at), Math.max(0, endExclusive - at))
    if (piece.byteLength > 0) chosen.push(piece)
    at += part.byteLength
  }
  return chosen
}

/** A source over a local file of known size, opened anew each time. */
export function fileSource(path: string, sizeBytes: number, digest?: Digest): ByteSource {
  return {
    sizeBytes,
    ...(digest === undefined ? {} : { digest }),
    open({ range, signal } = {}) {
      if (range !== undefined && range.endExclusive <= range.start)
        return Readable.from([], { objectMode: false })
      return createReadStream(path, {
        highWaterMark: 256 * 1024,
        ...(range === undefined ? {} : { start: range.start, end: range.endExclusive - 1 }),
        ...(signal === undefined ? {} : { signal }),
      })
    },
  }
}

/** Destroys the stream with the signal's own reason, and forgets the signal when the stream ends first. */
export function destroyOnAbort(stream: Readable, signal: AbortSignal): void {
  const stop = (): void => {
    stream.destroy(
      signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }),
    )
  }
  if (signal.aborted) {
    stop()
    return
  }
  signal.addEventListener('abort', stop, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', stop))
}
