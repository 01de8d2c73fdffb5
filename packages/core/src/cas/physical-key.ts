import { digestHex } from '../bytes/digest.ts'
import { newId } from '../bytes/id.ts'
import type { Digest } from '../contracts/bytes.ts'

/** An id for a placement: unique, so that the physical key made with it has never been used before. */
export function newPlacementId(nowMs: number): string {
  return newId(nowMs).replaceAll('-', '')
}

/**
 * Key of one placement's bytes: `<first 2 hex>/<64 hex>.<placementId>`.
 * It is private to one placement and never used again, so a late delete can only hit what it was meant for.
 */
export function physicalKey(digest: Digest, placementId: string): string {
  const hex = digestHex(digest)
  return `${hex.slice(0, 2)}/${hex}.${placementId}`
}

const PHYSICAL_KEY = /^([0-9a-f]{2})\/\1[0-9a-f]{62}\.[0-9a-f]{32}$/

/** Whether an object's key is one that `physicalKey` makes. */
export function isPhysicalKey(key: string): boolean {
  return PHYSICAL_KEY.test(key)
}
