import type { KeptSession } from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'
import { addToTotals, anyShard } from './totals.ts'

/** What the session `$1` pins. */
const PINNED = 'ARRAY(SELECT blob_id FROM @pins WHERE session_id = $1)'

/** Locks what a session pins, in order of the ids, as all do. */
export const LOCK_PINNED: string = `SELECT to_json(id) FROM @blobs WHERE id = ANY(${PINNED}) ORDER BY id FOR UPDATE`
const LEAVE_STAGED = `WITH changes AS (
    UPDATE @placements SET state = 'leaving', left_at = $3::bigint
    WHERE id = ANY(ARRAY(SELECT placement_id FROM @pins WHERE session_id = $2)) AND state = 'staged'
    RETURNING 'v:' || volume_id AS subject, 1 AS items, stored_bytes AS bytes)
  ${addToTotals('changes')}`
const LOOSEN = `UPDATE @blobs b SET state = 'loose' WHERE b.id = ANY(${PINNED}) AND b.state = 'live'
  AND (SELECT 1 FROM @contents r WHERE r.blob_id = b.id LIMIT 1) IS NULL
  AND (SELECT 1 FROM @derivatives r WHERE r.blob_id = b.id LIMIT 1) IS NULL
  AND (SELECT 1 FROM @pins r WHERE r.blob_id = b.id AND r.session_id <> $1 LIMIT 1) IS NULL`
const RELEASE = ['pins', 'reservations', 'outcomes'].map(
  (table) => `DELETE FROM @${table} WHERE session_id = $1`,
)
const SESSION = 'DELETE FROM @sessions WHERE id = $1'
const KEEP = `UPDATE @sessions SET state = $2, declared = $3, expires_at = $4, media_id = $5, locked_until = NULL,
  ended_at = $6 WHERE id = $1`

/** What stays of a session that has ended. */
export interface KeptRow extends KeptSession {
  readonly mediaId?: string
}

/**
 * Ends a session, whose row this transaction holds: what it staged and did not commit is garbage, pins and reservations
 * go, an idempotency key that is still its own is free.
 * The blobs are locked before anybody looks whether they are referred to: of two that each take away a reference the
 * second sees that it was the last.
 * @param keep of an upload that is still to be told of
 */
export function dropSession(id: string, nowMs: number, keep?: KeptRow): readonly Statement<unknown>[] {
  return [
    sql<string>(LOCK_PINNED, id),
    sql(LEAVE_STAGED, anyShard(), id, nowMs),
    sql(LOOSEN, id),
    ...releaseSession(id, nowMs, keep),
  ]
}

/** The same for one that has staged nothing but what is in use by now. */
export function releaseSession(id: string, nowMs: number, keep?: KeptRow): readonly Statement[] {
  const released = RELEASE.map((text) => sql(text, id))
  if (keep === undefined) return [...released, sql(SESSION, id)]
  const { state, declared, ttlMs, mediaId = null } = keep
  return [...released, sql(KEEP, id, state, JSON.stringify(declared), nowMs + ttlMs, mediaId, nowMs)]
}
