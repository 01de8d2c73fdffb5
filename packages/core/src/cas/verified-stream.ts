import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import { digestHex } from '../bytes/digest.ts'
import type { ByteRange } from '../contracts/bytes.ts'
import { CHUNK_BYTES, isChunkIntact } from './chunk-sums.ts'
import { corruptBytes } from './corrupt.ts'
import type { ExpectedBytes } from './verified-blocks.ts'

/** The range that must be asked of a store without positional reads, so that every touched chunk can be checked. */
export function widenToChunks(range: ByteRange, sizeBytes: number): ByteRange {
  return {
    start: range.start - (range.start % CHUNK_BYTES),
    endExclusive: Math.min(sizeBytes, Math.ceil(range.endExclusive / CHUNK_BYTES) * CHUNK_BYTES),
  }
}

/**
 * Checks a stream of the whole content: the last piece is held back until the digest of all is right.
 * For stores that give streams only.
 */
export function verifyWhole(expected: ExpectedBytes): Transform {
  const hash = createHash('sha256')
  let sizeBytes = 0
  let held: Buffer | undefined
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      sizeBytes += chunk.length
      const ready = held
      held = chunk
      done(null, ready)
    },
    flush(done) {
      if (sizeBytes !== expected.sizeBytes) {
        done(corruptBytes(expected.placementId, 'short', `${sizeBytes} of ${expected.sizeBytes} bytes came`))
        return
      }
      if (expected.digest !== undefined && hash.digest('hex') !== digestHex(expected.digest)) {
        done(corruptBytes(expected.placementId, 'digest', 'the bytes have another digest'))
        return
      }
      done(null, held)
    },
  })
}

/** Checks a stream of `widenToChunks(range)` chunk by chunk and gives the bytes of `range`. */
export function verifyRange(
  range: ByteRange,
  sums: Uint8Array | undefined,
  expected: ExpectedBytes,
): Transform {
  const wide = widenToChunks(range, expected.sizeBytes)
  let position = wide.start
  let parts: Buffer[] = []
  let waiting = 0
  return new Transform({
    transform(bytes: Buffer, _encoding, done) {
      parts.push(bytes)
      waiting += bytes.length
      if (waiting < CHUNK_BYTES) {
        done()
        return
      }
      const whole = parts.length === 1 ? bytes : Buffer.concat(parts, waiting)
      const ready = whole.length - (whole.length % CHUNK_BYTES)
      parts = ready === whole.length ? [] : [whole.subarray(ready)]
      waiting = whole.length - ready
      give(this, whole.subarray(0, ready), done)
    },
    flush(done) {
      const rest = Buffer.concat(parts, waiting)
      if (position + rest.length !== wide.endExclusive) {
        done(
          corruptBytes(
            expected.placementId,
            'short',
            `the range ended at ${position + rest.length} of ${wide.endExclusive}`,
          ),
        )
        return
      }
      give(this, rest, done)
    },
  })

  function give(out: Transform, bytes: Buffer, done: (error?: Error | null) => void): void {
    for (let at = 0; at < bytes.length && sums !== undefined; at += CHUNK_BYTES) {
      const chunk = (position + at) / CHUNK_BYTES
      if (isChunkIntact(sums, chunk, bytes.subarray(at, at + CHUNK_BYTES))) continue
      done(corruptBytes(expected.placementId, 'checksum', `chunk ${chunk} has another sum`))
      return
    }
    const from = Math.max(0, range.start - position)
    const to = Math.min(bytes.length, range.endExclusive - position)
    position += bytes.length
    if (to > from) out.push(bytes.subarray(from, to))
    done()
  }
}
