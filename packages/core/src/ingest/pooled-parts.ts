import type { BlockPool } from '../cas/block-pool.ts'

/** Blocks of a body in memory. They are used again only when it is certain that nobody reads them any more; else they are left to be collected. */
export interface HeldBlocks {
  /** They were given to somebody who may read them after the call. */
  keep(): void
  /** The body is kept, and nobody looks at it any more. Once, as the last thing. */
  reuse(): void
}

export interface PooledParts extends HeldBlocks {
  /** Whether any chunk is held. */
  isUsed(): boolean
  /** Copies the chunk, and leaves in `parts` what is filled of the blocks. */
  hold(chunk: Uint8Array, parts: Buffer[]): void
}

/**
 * For a body that is not small. Chunks that live until all of them have come grow old for the garbage collector, and each few bodies then
 * cost a look at the whole heap: copied into blocks that are used again they die young, and that is cheaper by far than the copy.
 */
export function createPooledParts(pool: BlockPool): PooledParts {
  const blocks: Buffer[] = []
  /** Of the last block. */
  let filledBytes = 0
  let mayReuse = true
  return {
    isUsed: () => blocks.length > 0,
    hold(chunk, parts) {
      for (let at = 0; at < chunk.byteLength; ) {
        let last = blocks.at(-1)
        const isNew = last === undefined || filledBytes === last.byteLength
        if (last === undefined || isNew) {
          last = pool.take()
          blocks.push(last)
          filledBytes = 0
        }
        const takeBytes = Math.min(chunk.byteLength - at, last.byteLength - filledBytes)
        last.set(chunk.subarray(at, at + takeBytes), filledBytes)
        at += takeBytes
        filledBytes += takeBytes
        const part = last.subarray(0, filledBytes)
        if (isNew) parts.push(part)
        else parts[parts.length - 1] = part
      }
    },
    keep() {
      mayReuse = false
    },
    reuse() {
      if (mayReuse) for (const block of blocks.splice(0)) pool.give(block)
    },
  }
}
