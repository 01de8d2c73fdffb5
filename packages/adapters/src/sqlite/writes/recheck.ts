import type { Transaction } from '../database.ts'
import { storeId } from '../ids.ts'
import { isReferenced, reviveBlob } from './blobs.ts'

/** Sets the mark of these blobs to what is. @returns how many were without reference and not known to be. */
export function markSuspects(tx: Transaction, blobIds: readonly string[]): number {
  let found = 0
  for (const text of blobIds) {
    const id = storeId(text)
    if (isReferenced(tx, id)) reviveBlob(tx, id)
    else
      found += Number(
        tx.sql("UPDATE blobs SET state = 'loose' WHERE id = ? AND state = 'live'").run(id).changes,
      )
  }
  return found
}
