import type { Transaction } from '../database.ts'
import { readId, type StoredId } from '../ids.ts'
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
  for (const { namespace, id } of tx.sql<ServedMedia>(SERVED).all(blobId))
    deleteRecord(tx, { namespace, ref: readId(id) })
  dropUnneeded(tx, blobId)
}

interface ServedMedia {
  readonly namespace: string
  readonly id: StoredId
}

// Media are clustered by namespace first: one descent for each that there is, rather than an index that every put pays for.
const SERVED = `WITH RECURSIVE names(name) AS (SELECT min(namespace) FROM media UNION ALL
    SELECT (SELECT min(namespace) FROM media WHERE namespace > name) FROM names WHERE name IS NOT NULL)
  SELECT m.namespace AS namespace, m.id AS id FROM contents c CROSS JOIN names
  CROSS JOIN media m ON m.namespace = names.name AND m.id = c.mediaId AND m.contentNumber = c.number
  WHERE c.blobId = ?`
