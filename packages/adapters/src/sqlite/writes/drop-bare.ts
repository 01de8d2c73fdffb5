import type { Transaction } from '../database.ts'
import { readId, type StoredId } from '../ids.ts'
import { OF_BLOB, type ServedMedia } from '../reads/of-blob.ts'
import { dropUnneeded } from './blobs.ts'
import { deleteRecord } from './records.ts'

/** Where a blob has no copy left, live or bad, the records that it served go. */
export function dropBare(tx: Transaction, blobId: StoredId): void {
  const copies = tx
    .sql<{ readonly found: number }>(
      "SELECT EXISTS(SELECT 1 FROM placements WHERE blobId = ? AND state IN ('live', 'bad')) AS found",
    )
    .get(blobId)
  if (copies?.found === 1) return
  for (const { namespace, id } of tx.sql<ServedMedia>(OF_BLOB).all(blobId))
    deleteRecord(tx, { namespace, ref: readId(id) })
  dropUnneeded(tx, blobId)
}
