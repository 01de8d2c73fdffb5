import { newId } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { storeId } from '../ids.ts'
import { unknownKeys } from '../reads/unknown-keys.ts'

export interface FoundObjects {
  readonly volumeId: string
  readonly objects: readonly { readonly key: string; readonly storedBytes: number }[]
}

/** Gives objects without a row one that is on its way out. @returns the keys taken. */
export function leaveOrphans(tx: Transaction, { volumeId, objects }: FoundObjects): readonly string[] {
  const volume = storeId(volumeId)
  const taken: string[] = []
  for (const { key, storedBytes } of objects) {
    // One by one: a key that is told twice has a row the second time.
    if (unknownKeys(tx, { volumeId, keys: [key] }).length === 0) continue
    const blobId = storeId(newId())
    tx.sql(
      "INSERT INTO blobs(id, domain, digest, sizeBytes, state, condemnedAt) VALUES (?, '', NULL, ?, 'condemned', ?)",
    ).run(blobId, storedBytes, tx.nowMs)
    tx.sql(
      `INSERT INTO placements(id, blobId, volumeId, key, state, owned, storedBytes, leftAt)
       VALUES (?, ?, ?, ?, 'leaving', 1, ?, ?)`,
    ).run(storeId(newId()), blobId, volume, key, storedBytes, tx.nowMs)
    tx.totals.addToVolume(volumeId, storedBytes, 1)
    taken.push(key)
  }
  return taken
}
