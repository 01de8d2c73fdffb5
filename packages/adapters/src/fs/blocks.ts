import { KiB, MiB } from '@mediakeep/core'

/** About what a socket gives at once. */
export const BLOCK_BYTES: number = 64 * KiB

/** Blocks that writers gather in. However many they are, together they hold no more than the pool may lend. */
export interface BlockPool {
  /** Lent, and held by writers beside it. */
  readonly heldBytes: number
  /** Half of it is out: from here on a writer should take no more than one block ahead of the disk. */
  readonly isScarce: boolean
  /** Undefined when all are lent: whoever asks goes on without one and does not wait for others, who may be slow. */
  take(): Buffer | undefined
  /** Only when nothing reads or writes it any more. */
  give(block: Buffer): void
  /** Bytes of others that a writer holds, or lets go where there are less than none: they make blocks scarce. */
  count(bytes: number): void
}

/** Blocks are cut from pieces of this size and never freed: the memory allocator would keep the holes between what lives longer. */
const SLAB_BYTES = 1 * MiB

/** @param maxBytes a multiple of a mebibyte */
export function createBlockPool(maxBytes: number): BlockPool {
  const idle: Buffer[] = []
  let madeBytes = 0
  let countedBytes = 0
  const heldBytes = (): number => madeBytes - idle.length * BLOCK_BYTES + countedBytes
  return {
    get heldBytes() {
      return heldBytes()
    },
    get isScarce() {
      return heldBytes() * 2 >= maxBytes
    },
    take() {
      if (idle.length === 0 && madeBytes < maxBytes) {
        const slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
        madeBytes += SLAB_BYTES
        for (let at = SLAB_BYTES; at > 0; at -= BLOCK_BYTES) idle.push(slab.subarray(at - BLOCK_BYTES, at))
      }
      return idle.pop()
    },
    give(block) {
      idle.push(block)
    },
    count(bytes) {
      countedBytes += bytes
    },
  }
}

/** One for all stores of the process: what many uploads hold must not add up. */
export const writeBlocks: BlockPool = createBlockPool(20 * MiB)
