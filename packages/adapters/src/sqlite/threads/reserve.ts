import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, openSync, statfsSync, statSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Room for several hundred changed pages: more than a delete and a claim of garbage need until bytes go. */
const RESERVE_BYTES = 1024 * 1024
/** Small disks keep less. */
const MAX_DISK_SHARE = 1 / 16
/** It is made again only when as much stays free beside it: else the next write would ask for it at once. */
const FREE_FACTOR = 2

/**
 * Room kept in a file beside the catalog. SQLite cannot delete a row without writing to its log, so on a full disk
 * nothing could be deleted to make room: then the reserve is given up, and what frees room uses it. Until it is there
 * again, writes of other kinds are refused: they would use up the room that freeing needs. All processes share the file.
 */
export interface Reserve {
  /** It is gone, and there is no room to make it again. */
  isSpent(): boolean
  /** Gives its room back to the disk. */
  release(): void
}

/** Makes the reserve where there is room. */
export function createReserve(databaseFile: string): Reserve {
  const file = `${databaseFile}-reserve`
  const reserve: Reserve = {
    isSpent: () => !existsSync(file) && !make(file),
    release: () => remove(file),
  }
  // One that a crash cut short holds too little.
  const found = statSync(file, { throwIfNoEntry: false })
  if (found !== undefined && found.size < sizeFor(file).bytes) reserve.release()
  reserve.isSpent()
  return reserve
}

/** @returns false only for want of room: where it cannot be made for another reason the catalog does without. */
function make(file: string): boolean {
  try {
    const { bytes, freeBytes } = sizeFor(file)
    if (freeBytes < bytes * FREE_FACTOR) return false
    const fd = openSync(file, 'wx', 0o600)
    try {
      // Not zeros: some file systems would keep no room for those.
      writeAll(fd, randomBytes(bytes))
    } finally {
      closeSync(fd)
    }
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOSPC' && code !== 'EDQUOT') return true
    remove(file)
    return false
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength; ) at += writeSync(fd, bytes, at)
}

function remove(file: string): void {
  try {
    unlinkSync(file)
  } catch {
    // another process was first, or it was never made
  }
}

function sizeFor(file: string): { readonly bytes: number; readonly freeBytes: number } {
  const { bsize, blocks, bavail } = statfsSync(dirname(file))
  const share = Math.floor((blocks * bsize * MAX_DISK_SHARE) / bsize) * bsize
  return { bytes: Math.min(RESERVE_BYTES, share), freeBytes: bavail * bsize }
}
