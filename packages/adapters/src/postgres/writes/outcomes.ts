import { type BeginSession, IDEMPOTENCY_TTL_MS, MediaError } from '@mediakeep/core'
import { type Answer, type Statement, sql } from '../connection/statement.ts'

/** Whose idempotency keys they are: each owner of a namespace has its own. */
export interface KeyHolder {
  readonly namespace: string
  readonly owner: string
}

interface OutcomeRow {
  readonly mediaId: string | null
  readonly expiresAt: number
  /** The session that took the key, while it is there. */
  readonly session: { readonly id: string; readonly expiresAt: number } | null
}

const LOCK_KEY = `SELECT to_json(1) FROM @outcomes
  WHERE namespace = $1 AND owner = $2 AND idempotency_key = $3 FOR UPDATE`
const LOCK_HOLDER = `SELECT to_json(1) FROM @sessions WHERE id = (SELECT session_id FROM @outcomes
  WHERE namespace = $1 AND owner = $2 AND idempotency_key = $3) FOR UPDATE`
const READ = `SELECT json_build_object('mediaId', o.media_id, 'expiresAt', o.expires_at, 'session',
    (SELECT json_build_object('id', s.id, 'expiresAt', s.expires_at) FROM @sessions s WHERE s.id = o.session_id))
  FROM @outcomes o WHERE o.namespace = $1 AND o.owner = $2 AND o.idempotency_key = $3`

export type OutcomeStatements = readonly [Statement<number>, Statement<number>, Statement<OutcomeRow>]

export function lockOutcome({ namespace, owner, idempotencyKey = '' }: BeginSession): OutcomeStatements {
  const key = [namespace, owner, idempotencyKey] as const
  return [sql<number>(LOCK_KEY, ...key), sql<number>(LOCK_HOLDER, ...key), sql<OutcomeRow>(READ, ...key)]
}

/**
 * The media an earlier put with this key made, or the session whose key passes on because its sender is gone.
 * @throws MediaError MEDIA_LOCKED
 */
export function earlierOutcome(
  [, , { rows }]: readonly [Answer<number>, Answer<number>, Answer<OutcomeRow>],
  nowMs: number,
):
  | { readonly type: 'repeated'; readonly mediaId: string }
  | { readonly type: 'free'; readonly isKnown: boolean; readonly expiredSession: string | undefined } {
  const [row] = rows
  if (row === undefined) return { type: 'free', isKnown: false, expiredSession: undefined }
  if (row.mediaId !== null) {
    if (row.expiresAt > nowMs) return { type: 'repeated', mediaId: row.mediaId }
    return { type: 'free', isKnown: true, expiredSession: undefined }
  }
  if (row.session !== null && row.session.expiresAt > nowMs)
    throw new MediaError(
      'MEDIA_LOCKED',
      'postgres: a put with this idempotency key is under way; try again when it has ended',
      { reason: 'idempotency-key' },
    )
  return { type: 'free', isKnown: true, expiredSession: row.session?.id }
}

// No "on conflict": who finds none and is not the first to write one begins again, and finds it.
const TAKE = `INSERT INTO @outcomes(session_id, media_id, expires_at, namespace, owner, idempotency_key)
  VALUES ($1, NULL, $2, $3, $4, $5)`
const FORGET = 'DELETE FROM @outcomes WHERE namespace = $1 AND owner = $2 AND idempotency_key = $3'
const RECORD = `INSERT INTO @outcomes(session_id, media_id, expires_at, namespace, owner, idempotency_key)
  VALUES (NULL, $1, $2, $3, $4, $5) ON CONFLICT (namespace, owner, idempotency_key)
  DO UPDATE SET session_id = NULL, media_id = excluded.media_id, expires_at = excluded.expires_at`

export function takeIdempotencyKey(
  { namespace, owner }: KeyHolder,
  key: string,
  sessionId: string,
  nowMs: number,
  isKnown: boolean,
): readonly Statement[] {
  const take = sql(TAKE, sessionId, nowMs + IDEMPOTENCY_TTL_MS, namespace, owner, key)
  return isKnown ? [sql(FORGET, namespace, owner, key), take] : [take]
}

/** Remembers what the put made. */
export function recordOutcome(
  { namespace, owner }: KeyHolder,
  key: string,
  mediaId: string,
  nowMs: number,
): Statement {
  return sql(RECORD, mediaId, nowMs + IDEMPOTENCY_TTL_MS, namespace, owner, key)
}

/** Outcomes that no longer count take no room. */
export function forgetOldOutcomes(nowMs: number, limit: number): Statement {
  return sql(
    `DELETE FROM @outcomes WHERE (namespace, owner, idempotency_key) IN
       (SELECT namespace, owner, idempotency_key FROM @outcomes
        WHERE expires_at <= $1 AND media_id IS NOT NULL ORDER BY expires_at LIMIT $2)`,
    nowMs,
    limit,
  )
}
