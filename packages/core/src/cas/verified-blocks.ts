import { createHash, type Hash } from 'node:crypto'
import { digestHex } from '../bytes/digest.ts'
import type { ByteRange, Digest } from '../contracts/bytes.ts'
import type { ObjectFile } from '../contracts/object-store.ts'
import { BLOCK_BYTES, type BlockPool } from './block-pool.ts'
import { CHUNK_BYTES, isChunkIntact } from './chunk-sums.ts'
import { corruptBytes } from './corrupt.ts'
import type { VerifiedChunks } from './verify-memo.ts'

/** What is known of the bytes that a file should hold. */
export interface ExpectedBytes {
  readonly placementId: string
  readonly digest: Digest | undefined
  readonly sizeBytes: number
  /** Asked only when a range has chunks that are not verified yet. */
  chunkSums(): Promise<Uint8Array | undefined>
}

/** A piece of verified bytes inside a lent block. Call `give` when nobody reads `bytes` any more. */
export interface VerifiedBlock {
  readonly bytes: Buffer
  give(): void
}

/** Reads verified blocks in order; `undefined` after the last. One read ahead is always under way. */
export interface BlockReader {
  next(): Promise<VerifiedBlock | undefined>
  /** Stops reading ahead and gives back what was lent to itself. Does not close the file. */
  stop(): Promise<void>
}

/**
 * Verified reads of an open file.
 *
 * A whole read is checked by SHA-256: the last block is given only when the digest of all of them is right.
 * A range is checked by the sums of the chunks it touches, each before any byte of it is given.
 * Chunks that `verified` knows are not checked again while the file's stamp is the one they were verified under.
 */
export function createBlockReader(
  file: ObjectFile,
  range: ByteRange,
  expected: ExpectedBytes,
  verified: VerifiedChunks,
  pool: BlockPool,
): BlockReader {
  const { sizeBytes } = expected
  const whole = range.start === 0 && range.endExclusive === sizeBytes
  const hash =
    whole && !verified.isWhole() && expected.digest !== undefined ? createHash('sha256') : undefined
  const bySums = hash === undefined && !verified.isWhole()
  let position = range.start
  let ahead: Promise<Lent> | undefined
  let stopped = false

  const fill = async (block: Buffer, { readStart, readEnd, check }: Span): Promise<Buffer> => {
    const target = block.subarray(0, readEnd - readStart)
    const count = await file.read(target, readStart)
    if (count !== target.length)
      throw corruptBytes(
        expected.placementId,
        'short',
        `${readStart + count} of ${sizeBytes} bytes are there`,
      )
    if (check) await checkChunks(target, readStart, expected, verified)
    return target
  }
  const read = async (): Promise<Lent> => {
    const from = position
    let want = span(from, range, sizeBytes, bySums, verified)
    position = want.giveEnd
    const block = pool.take()
    try {
      let target = await fill(block, want)
      // What was verified is the file as it was. Written to since then, it is verified anew, also under a reader.
      if (hash === undefined && !want.check && file.stamp() !== verified.stamp) {
        want = span(from, range, sizeBytes, true, undefined)
        target = await fill(block, want)
      }
      hash?.update(target)
      if (hash !== undefined && want.giveEnd === sizeBytes) checkDigest(hash, expected, verified)
      return { block, bytes: target.subarray(want.giveStart - want.readStart, want.giveEnd - want.readStart) }
    } catch (error) {
      pool.give(block)
      throw error
    }
  }
  const readAhead = (): void => {
    if (stopped || position >= range.endExclusive) {
      ahead = undefined
      return
    }
    ahead = read()
    ahead.catch(() => {}) // seen by the next `next()`, or by nobody after `stop()`
  }

  readAhead()
  return {
    async next() {
      if (ahead === undefined) return undefined
      const { block, bytes } = await ahead
      // `stop` waits for the same read and gives its block back: given twice, two readers would share one buffer.
      if (stopped) return undefined
      readAhead()
      return { bytes, give: () => pool.give(block) }
    },
    async stop() {
      stopped = true
      const last = ahead
      ahead = undefined
      const lent = await last?.catch(() => undefined)
      if (lent !== undefined) pool.give(lent.block)
    },
  }
}

interface Lent {
  readonly block: Buffer
  readonly bytes: Buffer
}

interface Span {
  readonly readStart: number
  readonly readEnd: number
  readonly giveStart: number
  readonly giveEnd: number
  readonly check: boolean
}

/** The next piece to read. Where chunks must be checked it is widened to whole chunks; without `verified` all of them must. */
function span(
  position: number,
  range: ByteRange,
  sizeBytes: number,
  bySums: boolean,
  verified: VerifiedChunks | undefined,
): Span {
  const chunkStart = position - (position % CHUNK_BYTES)
  const giveEnd = Math.min(range.endExclusive, chunkStart + BLOCK_BYTES)
  const plain = { readStart: position, readEnd: giveEnd, giveStart: position, giveEnd, check: false }
  if (!bySums) return plain
  const firstChunk = chunkStart / CHUNK_BYTES
  const lastChunk = Math.floor((giveEnd - 1) / CHUNK_BYTES)
  let known = verified !== undefined
  for (let chunk = firstChunk; chunk <= lastChunk && known; chunk++) known = verified?.has(chunk) === true
  if (known) return plain
  return {
    readStart: chunkStart,
    readEnd: Math.min(sizeBytes, (lastChunk + 1) * CHUNK_BYTES),
    giveStart: position,
    giveEnd,
    check: true,
  }
}

/** Checks whole chunks that begin at `start` by their stored sums, and remembers them. */
export async function checkChunks(
  bytes: Buffer,
  start: number,
  expected: ExpectedBytes,
  verified: VerifiedChunks,
): Promise<void> {
  const sums = await expected.chunkSums()
  if (sums === undefined) return // an external object that was never loaded has none
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    const chunk = (start + at) / CHUNK_BYTES
    if (!isChunkIntact(sums, chunk, bytes.subarray(at, at + CHUNK_BYTES))) {
      throw corruptBytes(expected.placementId, 'checksum', `chunk ${chunk} has another sum`)
    }
    verified.add(chunk)
  }
}

function checkDigest(hash: Hash, expected: ExpectedBytes, verified: VerifiedChunks): void {
  if (expected.digest === undefined) return
  if (hash.digest('hex') !== digestHex(expected.digest))
    throw corruptBytes(expected.placementId, 'digest', 'the bytes have another digest')
  verified.addAll()
}
