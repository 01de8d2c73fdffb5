import type { GarbagePlan } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { UNREFERENCED } from './references.ts'

export interface PlanInput {
  readonly graceMs: number
  readonly nowMs: number
}

/**
 * Only blobs that lost a reference or are condemned are looked at, and placements that leave: there is an index of each.
 * A placement may wait twice, for itself and with its blob: it is due when either is.
 */
const PLAN = `
  WITH waste AS MATERIALIZED (
    SELECT b.id AS id, b.state AS state, b.condemnedAt AS condemnedAt FROM blobs b
    WHERE b.state <> 'live' AND ${UNREFERENCED}),
  waits AS (
    SELECT p.id AS id, p.storedBytes AS storedBytes, CASE w.state WHEN 'loose' THEN ? ELSE w.condemnedAt END AS sinceMs
    FROM waste w CROSS JOIN placements p ON p.blobId = w.id WHERE p.owned = 1
    UNION ALL
    SELECT id, storedBytes, leftAt FROM placements WHERE state = 'leaving' AND owned = 1),
  placed AS (SELECT id, storedBytes, min(sinceMs) <= ? AS isDue FROM waits GROUP BY id)
  SELECT EXISTS(SELECT 1 FROM media) AS hasMedia,
    (SELECT coalesce(sum(objects), 0) FROM volume_totals)
      - (SELECT count(*) FROM placements WHERE owned = 0) AS objects,
    (SELECT coalesce(sum(storedBytes), 0) FROM volume_totals)
      - (SELECT coalesce(sum(storedBytes), 0) FROM placements WHERE owned = 0) AS bytes,
    (SELECT count(*) FROM waste WHERE state = 'loose') AS condemnable,
    count(*) AS waitingObjects, coalesce(sum(storedBytes), 0) AS waitingBytes,
    coalesce(sum(isDue), 0) AS freeableObjects, coalesce(sum(storedBytes * isDue), 0) AS freeableBytes
  FROM placed`

/** What `condemn` and then `claimGarbage` would do now. One statement, so one state of the database. */
export function planGarbage(database: Database, { graceMs, nowMs }: PlanInput): GarbagePlan {
  const row = database
    .sql<Omit<GarbagePlan, 'hasMedia'> & { readonly hasMedia: number }>(PLAN)
    .get(nowMs, nowMs - graceMs)
  if (row === undefined) throw new Error('a query of sums gave no row')
  return { ...row, hasMedia: row.hasMedia === 1 }
}
