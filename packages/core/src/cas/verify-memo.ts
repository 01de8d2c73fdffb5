import type { ByteRange } from '../contracts/bytes.ts'
import { CHUNK_BYTES, chunkCount } from './chunk-sums.ts'

/**
 * Remembers which chunks of a placement were verified, and for which state of the file (its stamp), so that a hot
 * object is not summed again for every request. An entry counts only while the file's stamp is unchanged, and for
 * `forMs` at most: rot on the medium below the page cache does not change a stamp.
 */
export interface VerifyMemo {
  /** Verification of this file as it is now. A changed stamp or an old entry starts afresh. */
  of(placementId: string, stamp: string, sizeBytes: number): VerifiedChunks
  /** What was verified of the file of the stamp in it, which may not be the file as it is now. */
  recent(placementId: string): VerifiedChunks | undefined
  forget(placementId: string): void
}

export interface VerifiedChunks {
  /** Of the file that was verified. */
  readonly stamp: string
  isWhole(): boolean
  has(chunk: number): boolean
  /** Every chunk that the range touches. */
  covers(range: ByteRange): boolean
  add(chunk: number): void
  addAll(): void
}

interface Entry extends VerifiedChunks {
  readonly sinceMs: number
}

const MAX_ENTRIES = 16_384

export function createVerifyMemo(options: {
  readonly forMs: number
  readonly now: () => number
}): VerifyMemo {
  const entries = new Map<string, Entry>()
  const recent = (placementId: string): Entry | undefined => {
    const known = entries.get(placementId)
    return known !== undefined && Math.abs(options.now() - known.sinceMs) < options.forMs ? known : undefined
  }
  return {
    recent,
    of(placementId, stamp, sizeBytes) {
      const known = recent(placementId)
      if (known?.stamp === stamp) return known
      const entry = createEntry(stamp, options.now(), sizeBytes)
      entries.delete(placementId)
      if (options.forMs > 0) {
        if (entries.size >= MAX_ENTRIES) entries.delete(entries.keys().next().value as string)
        entries.set(placementId, entry)
      }
      return entry
    },
    forget(placementId) {
      entries.delete(placementId)
    },
  }
}

function createEntry(stamp: string, sinceMs: number, sizeBytes: number): Entry {
  const count = chunkCount(sizeBytes)
  let bits: Uint8Array | undefined
  let whole = false
  const has = (chunk: number): boolean =>
    whole || (bits !== undefined && ((bits[chunk >> 3] as number) & (1 << (chunk & 7))) !== 0)
  return {
    stamp,
    sinceMs,
    isWhole: () => whole,
    has,
    covers({ start, endExclusive }) {
      const end = Math.ceil(endExclusive / CHUNK_BYTES)
      for (let chunk = Math.floor(start / CHUNK_BYTES); chunk < end; chunk++) if (!has(chunk)) return false
      return true
    },
    add(chunk) {
      bits ??= new Uint8Array((count + 7) >> 3)
      bits[chunk >> 3] = (bits[chunk >> 3] as number) | (1 << (chunk & 7))
    },
    addAll() {
      whole = true
      bits = undefined
    },
  }
}
