import { pipeline, type Readable, Transform } from 'node:stream'
import { MediaError } from '@mediakeep/core'
import type { ObjectFacts } from './bucket-client.ts'
import { asError } from './s3-failure.ts'

/** The body of an answer. It holds a connection until it was read to its end, failed, or was discarded. */
export interface ObjectBody {
  readonly facts: ObjectFacts
  /** Offset of the first byte that comes. */
  readonly start: number
  readonly lengthBytes: number
  /** The bytes, once. One that ends early is an error, also where the answer named no length. `failed` words errors of the network. */
  open(failed: (error: unknown) => unknown): Readable
  /** Drops the connection; what was opened ends. */
  discard(): void
}

/** A connection on which nothing comes for so long, while its reader waits, is dead. */
const STALL_MS = 30_000

/** @param onEnd told once, with the bytes that came */
export function createObjectBody(
  raw: Readable,
  about: { readonly facts: ObjectFacts; readonly start: number; readonly lengthBytes: number },
  onEnd: (bytes: number) => void,
  stallMs: number = STALL_MS,
): ObjectBody {
  let givenBytes = 0
  // Until somebody reads, a failing connection has nobody to tell; whoever reads then finds it closed.
  raw.on('error', () => {})
  if (raw.destroyed) onEnd(0)
  else raw.once('close', () => onEnd(givenBytes))

  const fault = (told: string): MediaError =>
    new MediaError('MEDIA_UNAVAILABLE', `the endpoint gave ${told} of ${about.lengthBytes} bytes`, {
      reason: 'truncated',
    })

  return {
    ...about,
    open(failed) {
      const counted = new Transform({
        transform(chunk: Uint8Array, _encoding, done) {
          givenBytes += chunk.byteLength
          if (givenBytes > about.lengthBytes) done(fault('more'))
          else done(null, chunk)
        },
        flush(done) {
          done(givenBytes === about.lengthBytes ? null : fault(`${givenBytes}`))
        },
        destroy(error, done) {
          done(error === null ? null : asError(failed(error)))
        },
      })
      const timer = setInterval(watch, stallMs).unref()
      counted.once('close', () => clearInterval(timer))
      let seenBytes = -1
      function watch(): void {
        const isReaderSlow = counted.writableNeedDrain
        if (!isReaderSlow && givenBytes === seenBytes) raw.destroy(stalled(stallMs))
        seenBytes = isReaderSlow ? -1 : givenBytes
      }
      // Pipelines of ours and of whoever reads, scopes and meters all listen for its end: over ten, and all gone with it.
      counted.setMaxListeners(0)
      pipeline(raw, counted, () => {}) // each ends the other; who reads is told by the stream itself
      return counted
    },
    discard() {
      raw.destroy()
    },
  }
}

function stalled(stallMs: number): Error {
  return Object.assign(new Error(`no byte came for ${stallMs} ms`), { code: 'ETIMEDOUT' })
}
