import type { CatalogUsage, VolumeRecord, VolumeUsage } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'

/**
 * Reads every record of the namespace. Logical bytes are those of every content kept, stored bytes those of live
 * placements, once however many media of the same name share them. `kept` is one row for each name, media and blob.
 */
const sums = (kept: string, storedBytes: string): string => `
  WITH kept AS MATERIALIZED (${kept}),
  shared AS (SELECT name, blob_id, sum(contents * size_bytes) AS logical_bytes FROM kept GROUP BY 1, 2),
  counted AS (SELECT name, count(DISTINCT media_id) AS media FROM kept GROUP BY 1)
  SELECT json_build_object('name', s.name, 'media', min(t.media), 'logicalBytes', sum(s.logical_bytes),
    'storedBytes', sum(${storedBytes}))
  FROM shared s JOIN counted t ON t.name = s.name GROUP BY s.name`

const CONTENTS = 'FROM @media m JOIN @contents c ON c.media_id = m.id JOIN @blobs b ON b.id = c.blob_id'
const COLUMNS = 'm.id AS media_id, c.blob_id, count(*) AS contents, b.size_bytes'
const STORED = `coalesce((SELECT sum(p.stored_bytes) FROM @placements p
  WHERE p.blob_id = s.blob_id AND p.state = 'live'), 0)`
const STORED_IN_TIER = `coalesce((SELECT sum(p.stored_bytes) FROM @placements p JOIN @volumes v ON v.id = p.volume_id
  WHERE p.blob_id = s.blob_id AND p.state = 'live' AND v.tier = s.name), 0)`
const GROUPS = 'GROUP BY 1, m.id, c.blob_id, b.size_bytes'

const QUERIES: Readonly<Record<'owner' | 'type' | 'tier', string>> = {
  owner: sums(`SELECT m.owner AS name, ${COLUMNS} ${CONTENTS} WHERE m.namespace = $1 ${GROUPS}`, STORED),
  type: sums(
    `SELECT s.content_type AS name, ${COLUMNS} ${CONTENTS}
       JOIN @contents s ON s.media_id = m.id AND s.number = m.content_number WHERE m.namespace = $1 ${GROUPS}`,
    STORED,
  ),
  tier: sums(
    `SELECT t.tier AS name, ${COLUMNS} ${CONTENTS}
       JOIN (SELECT DISTINCT p.blob_id, v.tier FROM @placements p JOIN @volumes v ON v.id = p.volume_id
         WHERE p.state = 'live') t ON t.blob_id = c.blob_id
     WHERE m.namespace = $1 ${GROUPS}`,
    STORED_IN_TIER,
  ),
}

export async function readUsage(
  database: Database,
  namespace: string,
  by: 'owner' | 'type' | 'tier',
): Promise<readonly CatalogUsage[]> {
  const rows = await database.ask('read usage', sql<CatalogUsage>(QUERIES[by], namespace))
  return rows.toSorted((one, other) => (one.name < other.name ? -1 : 1))
}

const VOLUMES = `SELECT json_build_object('volumeId', v.id,
    'storedBytes', (SELECT coalesce(sum(bytes), 0) FROM @totals WHERE subject = 'v:' || v.id),
    'objects', (SELECT coalesce(sum(items), 0) FROM @totals WHERE subject = 'v:' || v.id),
    'reservedBytes', (SELECT coalesce(sum(bytes), 0) FROM @reservations WHERE subject = 'v:' || v.id))
  FROM @volumes v ORDER BY v.id`

export function readVolumeUsage(database: Database): Promise<readonly VolumeUsage[]> {
  return database.ask('read usage', sql<VolumeUsage>(VOLUMES))
}

export async function readChunkSums(database: Database, blobId: string): Promise<Uint8Array | undefined> {
  const [hex] = await database.ask(
    'read chunk sums',
    sql<string | null>("SELECT to_json(encode(chunk_sums, 'hex')) FROM @blobs WHERE id = $1", blobId),
  )
  return hex == null ? undefined : Buffer.from(hex, 'hex')
}

export async function listVolumes(database: Database): Promise<readonly VolumeRecord[]> {
  type Row = Omit<VolumeRecord, 'hostId'> & { readonly hostId: string | null }
  const rows = await database.ask(
    'list volumes',
    sql<Row>(
      "SELECT json_build_object('id', id, 'tier', tier, 'hostId', host_id, 'layout', layout) FROM @volumes ORDER BY id",
    ),
  )
  return rows.map(({ hostId, ...volume }) => (hostId === null ? volume : { ...volume, hostId }))
}

const UNKNOWN = `SELECT to_json(k.key) FROM unnest($2::text[]) WITH ORDINALITY AS k(key, at)
  WHERE NOT EXISTS (SELECT 1 FROM @placements p WHERE p.volume_id = $1 AND p.key = k.key COLLATE "C") ORDER BY k.at`

/** Those that no row names. */
export function unknownKeys(
  database: Database,
  volumeId: string,
  keys: readonly string[],
): Promise<readonly string[]> {
  return database.ask('look for keys', sql<string>(UNKNOWN, volumeId, keys))
}
