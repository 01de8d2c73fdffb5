import type { Catalog, PlacementRecord } from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { PLACEMENT_AS_JSON, type PlacementRow, placementOf } from '../reads/record.ts'
import { UNREFERENCED } from '../reads/references.ts'
import { addToTotals, anyShard } from './totals.ts'

const LOOSE = "SELECT to_json(id) FROM @blobs WHERE state = 'loose' LIMIT $1"
const CONDEMNED = "SELECT to_json(id) FROM @blobs WHERE state = 'condemned' ORDER BY condemned_at LIMIT $1"
const LOCK = 'SELECT to_json(id) FROM @blobs WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE'
const JUDGE = `UPDATE @blobs b SET state = CASE WHEN j.is_free THEN 'condemned' ELSE 'live' END,
    condemned_at = CASE WHEN j.is_free THEN $2::bigint END
  FROM (SELECT b.id, ${UNREFERENCED} AS is_free FROM @blobs b WHERE b.id = ANY($1::text[])) j
  WHERE b.id = j.id AND b.state = 'loose' RETURNING to_json(j.is_free)`
const FORGIVE = `UPDATE @blobs b SET state = 'live', condemned_at = NULL
  WHERE b.id = ANY($1::text[]) AND b.state = 'condemned' AND NOT ${UNREFERENCED}`

/** Locks blobs, in order of their ids as all do. What follows sees who refers to them. */
export function lockBlobs(ids: readonly string[]): Statement<string> {
  return sql<string>(LOCK, ids)
}

/** Judges blobs that lost a reference, and those condemned before. The index of both is small. */
export function condemn(
  database: Database,
  { limit }: { readonly limit: number },
): Promise<{ readonly condemned: number; readonly more: boolean }> {
  return database.transact(
    'condemn blobs',
    async (tx) => {
      const [loose, before] = await tx.run(sql<string>(LOOSE, limit + 1), sql<string>(CONDEMNED, limit))
      const judged = loose.rows.slice(0, limit)
      const [, verdicts] = await tx.commit(
        lockBlobs([...judged, ...before.rows]),
        sql<boolean>(JUDGE, judged, tx.nowMs),
        sql(FORGIVE, before.rows),
      )
      const condemned = verdicts.rows.filter((isFree) => isFree).length
      return { condemned, more: loose.rows.length > limit }
    },
    // A condemnation that is lost is made again.
    { durable: false },
  )
}

const LEFT = `SELECT ${PLACEMENT_AS_JSON} FROM @placements p
  WHERE p.state = 'leaving' AND p.owned AND p.left_at <= $1 ORDER BY p.left_at LIMIT $2`
const LEFT_ON = `SELECT ${PLACEMENT_AS_JSON} FROM unnest($3::text[]) AS v(id) CROSS JOIN LATERAL (
    SELECT * FROM @placements WHERE state = 'leaving' AND owned AND volume_id = v.id COLLATE "C" AND left_at <= $1
    ORDER BY left_at LIMIT $2) p
  LIMIT $2`
// Those that have something to claim, or no placement at all: what nobody can claim must not stand before the others.
const DUE = `SELECT to_json(b.id) FROM @blobs b
  WHERE b.state = 'condemned' AND b.condemned_at <= $1 AND (
    (SELECT 1 FROM @placements p WHERE p.blob_id = b.id AND p.owned
      AND ($3::text[] IS NULL OR p.volume_id = ANY($3::text[])) LIMIT 1) IS NOT NULL
    OR (SELECT 1 FROM @placements p WHERE p.blob_id = b.id LIMIT 1) IS NULL)
  ORDER BY b.condemned_at LIMIT $2`
const WASTE = `SELECT json_build_object('blobId', b.id,
    'placements', (SELECT json_agg(${PLACEMENT_AS_JSON} ORDER BY p.id) FROM @placements p WHERE p.blob_id = b.id))
  FROM @blobs b WHERE b.id = ANY($1::text[]) AND b.state = 'condemned' AND b.condemned_at <= $2 AND ${UNREFERENCED}
  ORDER BY b.condemned_at`
const LEAVE = `WITH changes AS (
    SELECT 'v:' || volume_id AS subject, 1 AS items, stored_bytes AS bytes FROM @placements
    WHERE id = ANY($2::text[]) AND state = 'staged'),
  leaving AS (UPDATE @placements SET state = 'leaving', left_at = $3::bigint WHERE id = ANY($2::text[]) AND state <> 'leaving')
  ${addToTotals('changes')}`

interface WasteBlob {
  readonly blobId: string
  readonly placements: readonly PlacementRow[] | null
}

/** Durable: who deletes bytes because of it must not find them in use after a crash. */
export function claimGarbage(
  database: Database,
  { graceMs, limit, volumeIds, kind = 'all' }: Parameters<Catalog['claimGarbage']>[0],
): Promise<readonly PlacementRecord[]> {
  return database.transact('claim garbage', async (tx) => {
    await tx.run()
    const { nowMs } = tx
    const before = nowMs - graceMs
    const [left, due] = await tx.run(
      volumeIds === undefined
        ? sql<PlacementRow>(LEFT, before, limit)
        : sql<PlacementRow>(LEFT_ON, before, limit, [...new Set(volumeIds)]),
      sql<string>(DUE, before, kind === 'all' ? limit : 0, volumeIds ?? null),
    )
    const [, , waste] = await tx.run(
      lockBlobs(due.rows),
      sql(FORGIVE, due.rows),
      sql<WasteBlob>(WASTE, due.rows, before),
    )
    const claimed = new Map(left.rows.map(placementOf).map((placement) => [placement.id, placement]))
    const empty: string[] = []
    for (const { blobId, placements } of waste.rows) {
      if (claimed.size >= limit) break
      if (placements === null) empty.push(blobId)
      // All that we own of a condemned blob, also what began to leave only lately: nothing can want it again.
      for (const placement of (placements ?? []).map(placementOf))
        if (placement.owned && claimed.size < limit && volumeIds?.includes(placement.volumeId) !== false)
          claimed.set(placement.id, { ...placement, state: 'leaving' })
    }
    await tx.commit(
      sql(LEAVE, anyShard(), [...claimed.keys()], nowMs),
      sql('DELETE FROM @blobs WHERE id = ANY($1::text[])', empty),
    )
    return [...claimed.values()]
  })
}

const OF_PLACEMENTS = 'SELECT DISTINCT to_jsonb(blob_id) FROM @placements WHERE id = ANY($1::text[])'
const DROP = `WITH changes AS (
    DELETE FROM @placements WHERE id = ANY($2::text[]) AND state = 'leaving'
    RETURNING 'v:' || volume_id AS subject, -1 AS items, -stored_bytes AS bytes)
  ${addToTotals('changes')}`
const DROP_BLOBS = `DELETE FROM @blobs b WHERE b.id = ANY($1::text[])
  AND (SELECT 1 FROM @placements p WHERE p.blob_id = b.id LIMIT 1) IS NULL AND ${UNREFERENCED}`

/** Nothing but what leaves has been claimed: a late or repeated call can drop no placement that is in use. */
export function dropPlacements(database: Database, ids: readonly string[]): Promise<void> {
  return database.transact(
    'drop placements',
    async (tx) => {
      const [{ rows: blobIds }] = await tx.run(sql<string>(OF_PLACEMENTS, ids))
      await tx.commit(lockBlobs(blobIds), ...dropLeaving(ids, blobIds))
    },
    { durable: false },
  )
}

/** Of blobs that are locked. */
export function dropLeaving(ids: readonly string[], blobIds: readonly string[]): readonly Statement[] {
  return [sql(DROP, anyShard(), ids), dropBlobs(blobIds)]
}

/** Those of them that have no placement and no reference. They are locked. */
export function dropBlobs(ids: readonly string[]): Statement {
  return sql(DROP_BLOBS, ids)
}
