import type { GarbagePlan } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { UNREFERENCED } from './references.ts'

/**
 * Only blobs that lost a reference or are condemned are looked at, and placements that leave: there is an index of each.
 * A placement may wait twice, for itself and with its blob: it is due when either is.
 */
const PLAN = `WITH waste AS MATERIALIZED (
    SELECT b.id, b.state, b.condemned_at FROM @blobs b WHERE b.state <> 'live' AND ${UNREFERENCED}),
  waits AS (
    SELECT p.id, p.stored_bytes, CASE w.state WHEN 'loose' THEN $1::bigint ELSE w.condemned_at END AS since
    FROM waste w CROSS JOIN LATERAL (SELECT * FROM @placements WHERE blob_id = w.id OFFSET 0) p WHERE p.owned
    UNION ALL
    SELECT id, stored_bytes, left_at FROM @placements WHERE state = 'leaving' AND owned),
  placed AS (SELECT id, stored_bytes, min(since) <= $2::bigint AS is_due FROM waits GROUP BY id, stored_bytes)
  SELECT json_build_object('hasMedia', EXISTS (SELECT 1 FROM @media),
    'objects', (SELECT coalesce(sum(items), 0) FROM @totals WHERE subject >= 'v:' AND subject < 'v;')
      - (SELECT count(*) FROM @placements WHERE NOT owned),
    'bytes', (SELECT coalesce(sum(bytes), 0) FROM @totals WHERE subject >= 'v:' AND subject < 'v;')
      - (SELECT coalesce(sum(stored_bytes), 0) FROM @placements WHERE NOT owned),
    'condemnable', (SELECT count(*) FROM waste WHERE state = 'loose'),
    'waitingObjects', count(*), 'waitingBytes', coalesce(sum(stored_bytes), 0),
    'freeableObjects', count(*) FILTER (WHERE is_due),
    'freeableBytes', coalesce(sum(stored_bytes) FILTER (WHERE is_due), 0))
  FROM placed`

/** What `condemn` and then `claimGarbage` would do now. One statement, so one state of the database. */
export function planGarbage(
  database: Database,
  { graceMs }: { readonly graceMs: number },
): Promise<GarbagePlan> {
  return database.transact('plan a collection', async (tx) => {
    await tx.run()
    const [{ rows }] = await tx.run(sql<GarbagePlan>(PLAN, tx.nowMs, tx.nowMs - graceMs))
    const [plan] = rows
    if (plan === undefined) throw new Error('a query of sums gave no row')
    return plan
  })
}
