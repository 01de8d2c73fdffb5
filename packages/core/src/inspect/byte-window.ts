import { invalid } from './refusals.ts'

/** A look at a body of any length through a small window. Every read is bounded, and so is the sum of them. */
export interface ByteWindow {
  readonly sizeBytes: number
  /** `length` bytes (64 KiB at most) from `at`; fewer only where the body ends. Not to be changed. */
  read(at: number, length: number): Promise<Buffer>
  /** What is at hand from `at` on: some KiB, at least one byte unless the body ends there. For walks through all of it. */
  scan(at: number): Promise<Buffer>
  /** Counts one turn of a loop. @throws MediaError MEDIA_INVALID `too-complex` when there were too many. */
  step(): void
}

export type ReadBytes = (start: number, endExclusive: number) => Promise<Uint8Array>

export interface WindowOptions {
  readonly maxReadBytes: number
  readonly maxReads?: number
  readonly maxSteps?: number
}

/** Longest single read. */
export const MAX_WINDOW_READ_BYTES = 65_536
const SMALLEST_BLOCK_BYTES = 16_384
/** A walk that leaves out so little is a walk all the same: chunks of some KiB, one header after the other. */
const STRIDE_BYTES = 65_536
const LARGEST_BLOCK_BYTES = 262_144
const KEPT_BLOCKS = 4
const MAX_READS = 20_000
const MAX_STEPS = 4_000_000

interface Block {
  readonly start: number
  readonly bytes: Buffer
}

/**
 * A window over bytes that `readBytes` brings. Jumps bring little; a walk brings twice as much each time, up to 256 KiB.
 * The last four blocks are kept: a megabyte at most, whatever the body's length.
 */
export function createByteWindow(
  sizeBytes: number,
  readBytes: ReadBytes,
  { maxReadBytes, maxReads = MAX_READS, maxSteps = MAX_STEPS }: WindowOptions,
): ByteWindow {
  const blocks: Block[] = []
  let nextBlockBytes = SMALLEST_BLOCK_BYTES
  let readTotal = 0
  let reads = 0
  let steps = 0

  const bring = async (start: number, length: number): Promise<Block> => {
    const follows = blocks.some(
      (block) => start >= block.start && start <= block.start + block.bytes.length + STRIDE_BYTES,
    )
    nextBlockBytes = follows ? Math.min(nextBlockBytes * 2, LARGEST_BLOCK_BYTES) : SMALLEST_BLOCK_BYTES
    const endExclusive = Math.min(sizeBytes, start + Math.max(length, nextBlockBytes))
    readTotal += endExclusive - start
    reads += 1
    if (readTotal > maxReadBytes || reads > maxReads)
      throw invalid('too-complex', 'the body would have to be read further than a look at it may go')
    const bytes = await readBytes(start, endExclusive)
    const block = { start, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) }
    blocks.push(block)
    if (blocks.length > KEPT_BLOCKS) blocks.shift()
    return block
  }
  const holding = (at: number, length: number): Block | undefined =>
    blocks.findLast((block) => at >= block.start && at + length <= block.start + block.bytes.length)

  return {
    sizeBytes,
    async read(at, length) {
      if (!Number.isSafeInteger(at) || at < 0 || at >= sizeBytes) return Buffer.alloc(0)
      const wanted = Math.min(length, MAX_WINDOW_READ_BYTES, sizeBytes - at)
      const { start, bytes } = holding(at, wanted) ?? (await bring(at, wanted))
      return bytes.subarray(at - start, at - start + wanted)
    },
    async scan(at) {
      if (!Number.isSafeInteger(at) || at < 0 || at >= sizeBytes) return Buffer.alloc(0)
      const { start, bytes } = holding(at, 1) ?? (await bring(at, 1))
      return bytes.subarray(at - start)
    },
    step() {
      steps += 1
      if (steps > maxSteps) throw invalid('too-complex', 'the body has too many parts to be looked at')
    },
  }
}
