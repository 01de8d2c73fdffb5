import type { FsCalls } from './calls.ts'

/** Reads `buffer` whole on this thread; false when it may have to be waited for, or was not filled. */
export type ReadNow = (fd: number, buffer: Uint8Array, position: number) => boolean

/** What time is kept by; replaced in tests. */
export interface ReadNowTime {
  nowMs(): number
  /** Blocks that this process has read from disks so far. */
  blocksRead(): number
}

const machineTime: ReadNowTime = {
  nowMs: () => performance.now(),
  blocksRead: () => process.resourceUsage().fsRead,
}

/** Most of the time that reads on this thread may wait for a disk. */
const STALL_SHARE = 0.02
/** Waits that are allowed at once, after a time without any. */
const MAX_SAVED_MS = 10
/** A read that took no longer came from memory. */
const STALL_MS = 0.1
/** How a late read counts that no disk was read for: most likely another process had the core. */
const UNTOLD_WEIGHT = 0.25

/**
 * Reads of what lies in the page cache, without the way over a thread, which costs several times the read.
 *
 * Nothing tells beforehand whether a page is in memory. So callers ask only for what was read a short while ago, and
 * time is kept: each read that had to wait spends from an account that fills by `STALL_SHARE` of the time that passes,
 * and while it is empty nothing is read here. Slow disks, or a memory too small for what is read, then stop the event
 * loop for 2 % of the time, and at once for 10 ms and the one read that empties the account.
 */
export function createReadNow(raw: FsCalls, { nowMs, blocksRead }: ReadNowTime = machineTime): ReadNow {
  const readSync = raw.readSync?.bind(raw)
  if (readSync === undefined) return () => false
  let savedMs = MAX_SAVED_MS
  let savedAtMs = nowMs()
  let blocks = blocksRead()

  function spend(lateMs: number, atMs: number): void {
    const before = blocks
    blocks = blocksRead()
    savedMs -= blocks === before ? lateMs * UNTOLD_WEIGHT : lateMs
    savedAtMs = atMs
  }

  return (fd, buffer, position) => {
    const beganMs = nowMs()
    if (savedMs < MAX_SAVED_MS) {
      savedMs = Math.min(MAX_SAVED_MS, savedMs + (beganMs - savedAtMs) * STALL_SHARE)
      savedAtMs = beganMs
      if (savedMs <= 0) return false
    }
    let count = 0
    try {
      count = readSync(fd, buffer, 0, buffer.byteLength, position)
    } catch {
      // Whoever reads again, and waits, is told why.
    }
    const endedMs = nowMs()
    if (endedMs - beganMs > STALL_MS) spend(endedMs - beganMs, endedMs)
    return count === buffer.byteLength
  }
}
