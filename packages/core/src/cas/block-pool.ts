/** Bytes per block of a pooled read: four chunks, large enough that a read costs little more than its copy. */
export const BLOCK_BYTES = 262_144

/** Buffers of one size, lent and given back, so that serving allocates nothing per block. */
export interface BlockPool {
  take(): Buffer
  /** Only when nobody reads or writes it any more. */
  give(block: Buffer): void
}

/** Keeps at most `maxIdle` blocks; more are left to the garbage collector. */
export function createBlockPool(maxIdle = 32): BlockPool {
  const idle: Buffer[] = []
  return {
    take: () => idle.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES),
    give(block) {
      if (idle.length < maxIdle) idle.push(block)
    },
  }
}
