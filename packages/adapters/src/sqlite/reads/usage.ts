import type { CatalogUsage, VolumeUsage } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { readId, type StoredId } from '../ids.ts'

const SERVING = `FROM media m CROSS JOIN contents c ON c.mediaId = m.id AND c.number = m.contentNumber
  CROSS JOIN blobs b ON b.id = c.blobId`

/** Logical bytes count each record, stored bytes each blob once. Reads every record of the namespace. */
const BY_NAME = (name: string): string => `
  WITH one AS (SELECT ${name} AS name, b.id AS blobId, count(*) AS media, b.sizeBytes AS sizeBytes ${SERVING}
    WHERE m.namespace = ? GROUP BY 1, 2)
  SELECT name, sum(media) AS media, sum(media * sizeBytes) AS logicalBytes, sum(sizeBytes) AS storedBytes
  FROM one GROUP BY name ORDER BY name`

const BY_TIER = `
  WITH one AS (SELECT c.blobId AS blobId, count(*) AS media, b.sizeBytes AS sizeBytes ${SERVING}
    WHERE m.namespace = ? GROUP BY 1),
  placed AS (SELECT coalesce(v.tier, '') AS name, one.blobId AS blobId, one.media AS media, one.sizeBytes AS sizeBytes,
      sum(p.storedBytes) AS storedBytes
    FROM one CROSS JOIN placements p ON p.blobId = one.blobId AND p.state = 'live' LEFT JOIN volumes v ON v.id = p.volumeId
    GROUP BY 1, 2)
  SELECT name, sum(media) AS media, sum(media * sizeBytes) AS logicalBytes, sum(storedBytes) AS storedBytes
  FROM placed GROUP BY name ORDER BY name`

const QUERIES: Readonly<Record<'owner' | 'type' | 'tier', string>> = {
  owner: BY_NAME('m.owner'),
  type: BY_NAME('c.contentType'),
  tier: BY_TIER,
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
    .sql<{ readonly chunkSums: Uint8Array | null }>('SELECT chunkSums FROM blobs WHERE id = ?')
    .get(blobId)
  return row?.chunkSums ?? undefined
}
