import { KiB, MiB } from '@mediakeep/core'

/** Bytes per read and per gathered write: larger ones measured no faster. */
export const BLOCK_BYTES: number = 256 * KiB
/** Most bytes that one writer holds in memory before its caller waits. */
export const MAX_HELD_BYTES: number = 1 * MiB

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
