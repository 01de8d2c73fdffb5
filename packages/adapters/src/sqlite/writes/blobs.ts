import { newId } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'

const REFERENCED = `SELECT EXISTS(SELECT 1 FROM contents WHERE blobId = ?)
  OR EXISTS(SELECT 1 FROM pins WHERE blobId = ?)
  OR EXISTS(SELECT 1 FROM derivatives WHERE blobId = ?) AS found`

/** Whether content, a pin or a derivative refers to the blob. */
export function isReferenced(tx: Transaction, blobId: StoredId): boolean {
  return tx.sql<{ readonly found: number }>(REFERENCED).get(blobId, blobId, blobId)?.found === 1
}

/** To call whenever a reference went: a blob without any becomes one that garbage collection looks at. */
export function noteLostReference(tx: Transaction, blobId: StoredId): void {
  if (isReferenced(tx, blobId)) return
  tx.sql("UPDATE blobs SET state = 'loose' WHERE id = ? AND state = 'live'").run(blobId)
}

/** Removes the blob when no placement and no reference is left of it. */
export function dropUnneeded(tx: Transaction, blobId: StoredId): void {
  const left = tx
    .sql<{ readonly found: number }>('SELECT EXISTS(SELECT 1 FROM placements WHERE blobId = ?) AS found')
    .get(blobId)
  if (left?.found === 0 && !isReferenced(tx, blobId)) tx.sql('DELETE FROM blobs WHERE id = ?').run(blobId)
}

/** A blob that is wanted again is no garbage. */
export function reviveBlob(tx: Transaction, blobId: StoredId): void {
  tx.sql("UPDATE blobs SET state = 'live', condemnedAt = NULL WHERE id = ?").run(blobId)
}

export interface FoundBlob {
  readonly id: StoredId
  readonly sizeBytes: number
  readonly state: string
  readonly hasSums: number
}

export function findBlob(tx: Transaction, domain: string, digest: Uint8Array): FoundBlob | undefined {
  return tx
    .sql<FoundBlob>(
      'SELECT id, sizeBytes, state, chunkSums IS NOT NULL AS hasSums FROM blobs WHERE domain = ? AND digest = ?',
    )
    .get(domain, digest)
}

/** `undefined` when the blob is gone. */
export function domainOfBlob(tx: Transaction, blobId: StoredId): string | undefined {
  return tx.sql<{ readonly domain: string }>('SELECT domain FROM blobs WHERE id = ?').get(blobId)?.domain
}

export interface NewBlob {
  readonly domain: string
  readonly digest: Uint8Array | null
  readonly sizeBytes: number
  readonly chunkSums: Uint8Array | null
}

export function insertBlob(tx: Transaction, { domain, digest, sizeBytes, chunkSums }: NewBlob): StoredId {
  const id = storeId(newId())
  tx.sql(
    "INSERT INTO blobs(id, domain, digest, sizeBytes, state, chunkSums) VALUES (?, ?, ?, ?, 'live', ?)",
  ).run(id, domain, digest, sizeBytes, chunkSums)
  return id
}

export function setChunkSums(tx: Transaction, blobId: StoredId, chunkSums: Uint8Array): void {
  tx.sql('UPDATE blobs SET chunkSums = ? WHERE id = ?').run(chunkSums, blobId)
}
