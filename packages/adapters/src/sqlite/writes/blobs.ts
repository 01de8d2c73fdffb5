import type { Transaction } from '../database.ts'
import type { StoredId } from '../ids.ts'

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

/** A blob that is wanted again is no garbage. */
export function reviveBlob(tx: Transaction, blobId: StoredId): void {
  tx.sql("UPDATE blobs SET state = 'live', condemnedAt = NULL WHERE id = ?").run(blobId)
}
