import { newId } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { addToTotals, anyShard } from './totals.ts'

export interface FoundObject {
  readonly key: string
  readonly storedBytes: number
}

const LEAVE = `WITH added AS (
    INSERT INTO @placements(id, blob_id, volume_id, key, state, owned, stored_bytes, left_at)
    SELECT o.id, o.blob_id, $6, o.key, 'leaving', TRUE, o.bytes, $7::bigint
    FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS o(id, blob_id, key, bytes)
    ON CONFLICT (volume_id, key) DO NOTHING RETURNING id, blob_id, key, stored_bytes),
  made AS (INSERT INTO @blobs(id, domain, digest, size_bytes, state, condemned_at)
    SELECT blob_id, '', NULL, stored_bytes, 'condemned', $7::bigint FROM added),
  changes AS (SELECT 'v:' || $6 AS subject, 1 AS items, stored_bytes AS bytes FROM added),
  counted AS (${addToTotals('changes')})
  SELECT to_json(key) FROM added ORDER BY id`

/** Gives objects without a row one that is on its way out. @returns the keys taken. */
export function leaveOrphans(
  database: Database,
  volumeId: string,
  objects: readonly FoundObject[],
): Promise<readonly string[]> {
  return database.transact(
    'leave orphans',
    async (tx) => {
      await tx.run()
      const [{ rows }] = await tx.commit(
        sql<string>(
          LEAVE,
          anyShard(),
          objects.map(() => newId()),
          objects.map(() => newId()),
          objects.map(({ key }) => key),
          objects.map(({ storedBytes }) => storedBytes),
          volumeId,
          tx.nowMs,
        ),
      )
      return rows
    },
    { durable: false },
  )
}
