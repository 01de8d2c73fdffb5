import { Readable } from 'node:stream'
import type { ByteRange } from '../contracts/bytes.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import type { MediaError } from '../errors/media-error.ts'
import type { Stretch } from './piece-layout.ts'

/**
 * The bytes of a range of a part, one piece open at a time. Destroying the stream ends what is under way.
 * @param short what is thrown through the stream where a piece is gone or shorter than it was
 */
export function createPieceStream(
  store: ObjectStore,
  stretches: readonly Stretch[],
  range: ByteRange,
  short: (atByte: number) => MediaError,
): Readable {
  const stop = new AbortController()

  async function* read(): AsyncGenerator<Uint8Array, undefined> {
    for (const { piece, ...stretch } of stretches) {
      const start = Math.max(stretch.start, range.start)
      const endExclusive = Math.min(stretch.endExclusive, range.endExclusive)
      if (start >= endExclusive) continue
      if (endExclusive > piece.endExclusive) throw short(start)
      const reader = await store.get(piece.key, {
        range: { start: start - piece.start, endExclusive: endExclusive - piece.start },
        signal: stop.signal,
      })
      if (reader === undefined) throw short(start)
      let at = start
      try {
        for await (const chunk of reader.stream() as AsyncIterable<Uint8Array>) {
          at += chunk.byteLength
          if (chunk.byteLength > 0) yield chunk
        }
      } finally {
        await reader[Symbol.asyncDispose]()
      }
      if (at !== endExclusive) throw short(at)
    }
  }

  const chunks = read()
  return new Readable({
    read() {
      chunks.next().then(
        ({ done, value }) => this.push(done === true ? null : value),
        (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
      )
    },
    destroy(error, done) {
      stop.abort()
      // It waits for what is under way, whose failure nobody asks for any more.
      chunks.return(undefined).then(
        () => done(error),
        () => done(error),
      )
    },
  })
}
