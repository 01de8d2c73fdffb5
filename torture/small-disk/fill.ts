import { closeSync, fstatSync, ftruncateSync, openSync, statfsSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Of both file systems. */
const BLOCK_BYTES = 4_096

/** Writes until nothing more goes in, then gives back so many bytes and no more. */
export function fillDisk(ballast: string, freeBytes: number): void {
  const fd = openSync(ballast, 'a')
  try {
    for (
      let sizeBytes = 64 * BLOCK_BYTES;
      sizeBytes >= 1;
      sizeBytes = sizeBytes > BLOCK_BYTES ? sizeBytes / 2 : 0
    )
      while (couldWrite(fd, sizeBytes)) continue
    ftruncateSync(fd, Math.max(0, fstatSync(fd).size - freeBytes))
  } finally {
    closeSync(fd)
  }
}

function couldWrite(fd: number, sizeBytes: number): boolean {
  try {
    return writeSync(fd, Buffer.alloc(sizeBytes, 1)) > 0
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false
    throw error
  }
}

export function freeBytesOf(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize
}
