import { randomFillSync } from 'node:crypto'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const pool = Buffer.allocUnsafe(4096)
let poolAt = pool.length
let lastMs = 0
let sequence = 0

/**
 * A UUIDv7: 48 bits of milliseconds, a counter that keeps ids of one process in order, 62 random bits.
 * @see RFC 9562 section 5.7 and 6.2 method 1
 */
export function newId(nowMs: number = Date.now()): string {
  if (poolAt + 16 > pool.length) {
    randomFillSync(pool)
    poolAt = 0
  }
  const bytes = pool.subarray(poolAt, poolAt + 16)
  poolAt += 16
  if (nowMs > lastMs) {
    lastMs = nowMs
    sequence = (bytes[6] as number) & 0x07 // low start, so that the counter has room to grow within the millisecond
    sequence = (sequence << 8) | (bytes[7] as number)
  } else if (sequence < 0xfff) {
    sequence++
  } else {
    lastMs++
    sequence = 0
  }
  bytes.writeUIntBE(lastMs, 0, 6)
  bytes[6] = 0x70 | (sequence >> 8)
  bytes[7] = sequence & 0xff
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f)
  const hex = bytes.toString('hex')
  return withDashes(hex)
}

/** When an id was made, by the clock of who made it; with or without its dashes. */
export function idTimeMs(id: string): number {
  return Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
}

/** An id of 32 digits as ids are written. */
export function withDashes(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

export function isId(value: string): boolean {
  return UUID_V7.test(value)
}
