import { type BlockPool, createBlockPool } from '../cas/block-pool.ts'

/** Memory that all bodies on their way in share, so that many uploads at once hold no more than a bounded amount. */
export interface HeldBytes {
  /** The share of one body: empty at first. */
  open(): HeldShare
  /** For bodies that are not small. Memory that is used again costs nothing to free. */
  readonly blocks: BlockPool
}

export interface HeldShare {
  /** Whether all shares together are within the bound. */
  fits(): boolean
  /** Never refused: the bytes are there already. */
  grow(bytes: number): void
  /** Idempotent; what grows afterwards is not counted. */
  release(): void
}

/** What eight bodies of 1 MiB take. */
const MAX_IDLE_BLOCKS = 32

export function createHeldBytes(maxBytes: number): HeldBytes {
  let usedBytes = 0
  return {
    blocks: createBlockPool(MAX_IDLE_BLOCKS),
    open() {
      let ownBytes = 0
      let isReleased = false
      return {
        fits: () => usedBytes <= maxBytes,
        grow(bytes) {
          if (isReleased) return
          ownBytes += bytes
          usedBytes += bytes
        },
        release() {
          isReleased = true
          usedBytes -= ownBytes
          ownBytes = 0
        },
      }
    },
  }
}
