import type { CatalogUsage, VolumeUsage } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { readId, type StoredId } from '../ids.ts'

/**
 * Reads every record of the namespace. Logical bytes are those of every content kept, stored bytes those of live
 * placements, once however many media of the same name share them. `kept` is one row for each name, media and blob.
 */
const sums = (kept: string, storedBytes: string): string => `
  WITH kept AS MATERIALIZED (${kept}),
  shared AS (SELECT name, blobId, sum(contents * sizeBytes) AS logicalBytes FROM kept GROUP BY 1, 2),
  counted AS (SELECT name, count(DISTINCT mediaId) AS media FROM kept GROUP BY 1)
  SELECT shared.name AS name, counted.media AS media, sum(logicalBytes) AS logicalBytes,
    sum(${storedBytes}) AS storedBytes
  FROM shared JOIN counted ON counted.name = shared.name GROUP BY shared.name ORDER BY shared.name`

const CONTENTS = `FROM media m CROSS JOIN contents c ON c.mediaId = m.id CROSS JOIN blobs b ON b.id = c.blobId`
const COLUMNS = 'm.id AS mediaId, c.blobId AS blobId, count(*) AS contents, b.sizeBytes AS sizeBytes'
const STORED = `coalesce((SELECT sum(p.storedBytes) FROM placements p
  WHERE p.blobId = shared.blobId AND p.state = 'live'), 0)`
const STORED_IN_TIER = `coalesce((SELECT sum(p.storedBytes) FROM placements p JOIN volumes v ON v.id = p.volumeId
  WHERE p.blobId = shared.blobId AND p.state = 'live' AND v.tier = shared.name), 0)`

const QUERIES: Readonly<Record<'owner' | 'type' | 'tier', string>> = {
  owner: sums(
    `SELECT m.owner AS name, ${COLUMNS} ${CONTENTS} WHERE m.namespace = ? GROUP BY 1, 2, 3`,
    STORED,
  ),
  type: sums(
    `SELECT s.contentType AS name, ${COLUMNS} ${CONTENTS}
       JOIN contents s ON s.mediaId = m.id AND s.number = m.contentNumber WHERE m.namespace = ? GROUP BY 1, 2, 3`,
    STORED,
  ),
  tier: sums(
    `SELECT t.tier AS name, ${COLUMNS} ${CONTENTS}
       JOIN (SELECT DISTINCT p.blobId AS blobId, v.tier AS tier FROM placements p JOIN volumes v ON v.id = p.volumeId
         WHERE p.state = 'live') t ON t.blobId = c.blobId
     WHERE m.namespace = ? GROUP BY 1, 2, 3`,
    STORED_IN_TIER,
  ),
}

export function readUsage(
  database: Database,
  namespace: string,
  by: 'owner' | 'type' | 'tier',
): readonly CatalogUsage[] {
  return database
    .sql<CatalogUsage>(QUERIES[by])
    .all(namespace)
    .map(({ name, media, logicalBytes, storedBytes }) => ({ name, media, logicalBytes, storedBytes }))
}

export function readVolumeUsage(database: Database): readonly VolumeUsage[] {
  interface Row {
    readonly volumeId: StoredId
    readonly storedBytes: number
    readonly objects: number
    readonly reservedBytes: number
  }
  return database
    .sql<Row>(
      `WITH ids(volumeId) AS (SELECT id FROM volumes UNION SELECT volumeId FROM volume_totals
         UNION SELECT volumeId FROM reservations WHERE volumeId IS NOT NULL)
       SELECT ids.volumeId AS volumeId, coalesce(t.storedBytes, 0) AS storedBytes, coalesce(t.objects, 0) AS objects,
         coalesce((SELECT sum(bytes) FROM reservations r WHERE r.volumeId = ids.volumeId), 0) AS reservedBytes
       FROM ids LEFT JOIN volume_totals t ON t.volumeId = ids.volumeId ORDER BY ids.volumeId`,
    )
    .all()
    .map((row) => ({ ...row, volumeId: readId(row.volumeId) }))
}

export function readChunkSums(database: Database, blobId: StoredId): Uint8Array | undefined {
  const row = database
    .sql<{ readonly chunkSums: Uint8Array | null; readonly isEmpty: number }>(
      'SELECT chunkSums, digest IS NOT NULL AND sizeBytes = 0 AS isEmpty FROM blobs WHERE id = ?',
    )
    .get(blobId)
  if (row === undefined) return undefined
  // A driver may have stored empty sums as NULL.
  return row.chunkSums ?? (row.isEmpty === 1 ? new Uint8Array(0) : undefined)
}
