import { createHash } from 'node:crypto'

/** On both sides of the limits that bytes meet (sniffing, chunk sums, memory, blocks); most are small, as media records are many. */
export const SIZES = [1, 700, 4_100, 65_536, 900, 65_537, 2_000, 262_145, 3_000] as const

/** Stores under torture hold less in memory than they would, so that the largest length is staged and moved, and is still quick to write. */
export const LIMITS = { memoryBodyBytes: 262_144 } as const

const MARK_BYTES = 4

/** Bytes that their number tells, so that another process can name them too. */
export function bodyOf(number: number): Buffer {
  const size = SIZES[number % SIZES.length] ?? 1
  const bytes = Buffer.alloc(size, createHash('sha256').update(String(number)).digest())
  // By chance the first bytes could be the mark of a type that is not taken.
  return size > MARK_BYTES ? bytes.fill(0, 0, MARK_BYTES) : bytes
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const known = new Map<number, string>()

/** The hash of `bodyOf(number)`, remembered: the same bodies are checked after every kill. */
export function hashOfBody(number: number): string {
  let hash = known.get(number)
  if (hash === undefined) {
    hash = hashOf(bodyOf(number))
    known.set(number, hash)
  }
  return hash
}
