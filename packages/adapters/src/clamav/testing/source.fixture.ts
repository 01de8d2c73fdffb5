import { Readable } from 'node:stream'
import { type ByteSource, bytesSource, type Digest, digestOf } from '@mediakeep/core'

/** A source that knows the streams it gave. */
export interface TrackedSource extends ByteSource {
  readonly streams: readonly Readable[]
}

export function tracked(source: ByteSource): TrackedSource {
  const streams: Readable[] = []
  return {
    sizeBytes: source.sizeBytes,
    streams,
    open(options) {
      const stream = source.open(options)
      streams.push(stream)
      return stream
    },
  }
}

/** Bytes in pieces of a size; `before` runs before each of them. */
export function piecesSource(
  bytes: Uint8Array,
  pieceBytes: number,
  before: (start: number) => Promise<unknown> | undefined = () => undefined,
): ByteSource {
  return {
    sizeBytes: bytes.byteLength,
    open: () =>
      Readable.from(
        (async function* () {
          for (let start = 0; start < bytes.byteLength; start += pieceBytes) {
            await before(start)
            yield bytes.subarray(start, start + pieceBytes)
          }
        })(),
        { objectMode: false },
      ),
  }
}

/** So many bytes of nothing, never in memory at once. */
export function zerosSource(sizeBytes: number): ByteSource {
  const piece = Buffer.alloc(64 * 1024)
  return {
    sizeBytes,
    open: () =>
      Readable.from(
        (function* () {
          for (let left = sizeBytes; left > 0; left -= piece.length) yield piece.subarray(0, left)
        })(),
        { objectMode: false },
      ),
  }
}

/** What a scan is told of a body. Scans do not look at it. */
export const about: { readonly digest: Digest; readonly contentType: string } = {
  digest: digestOf(new Uint8Array()),
  contentType: 'application/octet-stream',
}

export const textSource = (text: string): ByteSource => bytesSource(Buffer.from(text))
