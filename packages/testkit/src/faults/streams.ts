import { type Readable, Transform } from 'node:stream'
import type { ByteSource } from '@mediakeep/core'
import type { FaultEffect } from './plan.ts'

/** The stream with a cut or a flipped bit; as it is for any other effect. Errors and destruction pass both ways. */
export function faultyStream(stream: Readable, effect: FaultEffect | undefined): Readable {
  if (effect?.type !== 'cut' && effect?.type !== 'flip') return stream
  let at = 0
  const faulty = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      const start = at
      at += chunk.byteLength
      if (effect.type === 'flip') {
        done(null, flipBit(chunk, effect.atByte - start, effect.bit ?? 0))
        return
      }
      if (at <= effect.atByte) {
        done(null, chunk)
        return
      }
      if (start < effect.atByte) this.push(chunk.subarray(0, effect.atByte - start))
      if (effect.error === undefined) {
        this.push(null)
        stream.unpipe(this)
        stream.destroy()
      } else done(effect.error)
    },
  })
  stream.once('error', (error) => faulty.destroy(error))
  faulty.once('close', () => stream.destroy())
  return stream.pipe(faulty)
}

/** The source, each of whose streams is faulty. Bytes in memory are withheld, so that the store must read the stream. */
export function faultySource(source: ByteSource, effect: FaultEffect | undefined): ByteSource {
  if (effect?.type !== 'cut' && effect?.type !== 'flip') return source
  return {
    sizeBytes: source.sizeBytes,
    ...(source.digest === undefined ? {} : { digest: source.digest }),
    open: (options) => faultyStream(source.open(options), effect),
  }
}

/** A copy with the bit changed, where the byte lies inside. */
export function flipBit(bytes: Uint8Array, index: number, bit: number): Uint8Array {
  if (index < 0 || index >= bytes.byteLength) return bytes
  const copy = Uint8Array.from(bytes)
  copy[index] = (copy[index] ?? 0) ^ (1 << (bit & 7))
  return copy
}
