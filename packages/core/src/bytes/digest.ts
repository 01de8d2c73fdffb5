import { createHash } from 'node:crypto'
import type { Digest } from '../contracts/bytes.ts'

const DIGEST = /^sha256:[0-9a-f]{64}$/

export function isDigest(value: string): value is Digest {
  return DIGEST.test(value)
}

/** The 64 hexadecimal digits. */
export function digestHex(digest: Digest): string {
  return digest.slice(7)
}

export function digestFromHex(hex: string): Digest {
  return `sha256:${hex}`
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
