import { createHash, type Hash } from 'node:crypto'
import type { Digest } from '../contracts/bytes.ts'
import { type ChunkSummer, createChunkSummer } from './chunk-sums.ts'

/** What the catalog keeps of a body: its name, its length, and the sums that ranges are checked with. */
export interface BodySummary {
  readonly digest: Digest
  readonly sizeBytes: number
  readonly chunkSums: Uint8Array
  /** Its first bytes, where they were to be kept. */
  readonly head?: Uint8Array
}

/** Learns a body's summary while it passes. Hashing stays on this thread: a worker costs more than it gains on few cores. */
export interface BodyDigester {
  sizeBytes(): number
  update(bytes: Uint8Array): void
  finish(): BodySummary
  /** One that has seen the same bytes and goes on by itself. */
  fork(): BodyDigester
}

/** @param headBytes how many of the first bytes the summary brings along */
export function createBodyDigester(headBytes = 0): BodyDigester {
  return digesterFrom(createHash('sha256'), createChunkSummer(), Buffer.alloc(headBytes), 0)
}

function digesterFrom(hash: Hash, sums: ChunkSummer, head: Buffer, startBytes: number): BodyDigester {
  let sizeBytes = startBytes
  return {
    sizeBytes: () => sizeBytes,
    update(bytes) {
      hash.update(bytes)
      sums.update(bytes)
      if (sizeBytes < head.byteLength) head.set(bytes.subarray(0, head.byteLength - sizeBytes), sizeBytes)
      sizeBytes += bytes.byteLength
    },
    fork: () => digesterFrom(hash.copy(), sums.fork(), Buffer.from(head), sizeBytes),
    finish: () => ({
      digest: `sha256:${hash.digest('hex')}`,
      sizeBytes,
      chunkSums: sums.finish(),
      ...(head.byteLength === 0 ? {} : { head: head.subarray(0, sizeBytes) }),
    }),
  }
}
