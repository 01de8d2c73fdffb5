import { KiB, MiB } from '@mediakeep/core'

/** Bytes per read and per gathered write: larger ones measured no faster. */
export const BLOCK_BYTES: number = 256 * KiB
/** Most bytes that one writer holds in memory before its caller waits. */
const MAX_HELD_BYTES: number = 1 * MiB

/** Most that all writers of the process hold before each holds no more than a block: many uploads at once must not add up. */
const ALL_HELD_BYTES = 32 * MiB

let heldBytes = 0

/** Bytes that a writer took, or that went to the disk where there are less than none. */
export function noteHeld(bytes: number): void {
  heldBytes += bytes
}

/** What one writer may hold now. */
export function heldLimitBytes(): number {
  return heldBytes > ALL_HELD_BYTES ? BLOCK_BYTES : MAX_HELD_BYTES
}

const MAX_IDLE = 16
const idle: Buffer[] = []

/** A buffer of BLOCK_BYTES; reused, because fresh pages cost more than the copy into them. */
export function takeBlock(): Buffer {
  return idle.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES)
}

/** Only when nothing reads or writes it any more. */
export function giveBlock(block: Buffer): void {
  if (idle.length < MAX_IDLE) idle.push(block)
}
