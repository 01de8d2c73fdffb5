import { IDEMPOTENCY_TTL_MS } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { readId, type StoredId } from '../ids.ts'

/** Whose idempotency keys they are: each owner of a namespace has its own. */
export interface KeyHolder {
  readonly namespace: string
  readonly owner: string
}

interface OutcomeRow {
  readonly sessionId: StoredId | null
  readonly mediaId: StoredId | null
  readonly expiresAt: number
}

/** The media an earlier put with this key made, or the session that took the key, if any. */
export function earlierOutcome(
  tx: Transaction,
  holder: KeyHolder,
  key: string,
):
  | { readonly type: 'repeated'; readonly mediaId: string }
  | { readonly type: 'open'; readonly sessionId: StoredId | undefined } {
  const row = tx
    .sql<OutcomeRow>(
      'SELECT sessionId, mediaId, expiresAt FROM outcomes WHERE namespace = ? AND owner = ? AND idempotencyKey = ?',
    )
    .get(holder.namespace, holder.owner, key)
  if (row === undefined) return { type: 'open', sessionId: undefined }
  if (row.mediaId === null) return { type: 'open', sessionId: row.sessionId ?? undefined }
  if (row.expiresAt > tx.nowMs) return { type: 'repeated', mediaId: readId(row.mediaId) }
  return { type: 'open', sessionId: undefined }
}

export function takeIdempotencyKey(
  tx: Transaction,
  holder: KeyHolder,
  key: string,
  sessionId: StoredId,
): void {
  write(tx, holder, key, sessionId, null)
}

/** Remembers what the put made. */
export function recordOutcome(tx: Transaction, holder: KeyHolder, key: string, mediaId: StoredId): void {
  write(tx, holder, key, null, mediaId)
}

function write(
  tx: Transaction,
  holder: KeyHolder,
  key: string,
  sessionId: StoredId | null,
  mediaId: StoredId | null,
): void {
  tx.sql(
    `INSERT OR REPLACE INTO outcomes(namespace, owner, idempotencyKey, sessionId, mediaId, expiresAt)
     VALUES (?, ?, ?, ?, ?, ?)`,
  ).run(holder.namespace, holder.owner, key, sessionId, mediaId, tx.nowMs + IDEMPOTENCY_TTL_MS)
}

/** Only while the key is still that session's. */
export function freeIdempotencyKey(
  tx: Transaction,
  holder: KeyHolder,
  key: string,
  sessionId: StoredId,
): void {
  tx.sql(
    'DELETE FROM outcomes WHERE namespace = ? AND owner = ? AND idempotencyKey = ? AND sessionId = ?',
  ).run(holder.namespace, holder.owner, key, sessionId)
}

export function forgetOldOutcomes(tx: Transaction, limit: number): void {
  tx.sql(
    `DELETE FROM outcomes WHERE (namespace, owner, idempotencyKey) IN
       (SELECT namespace, owner, idempotencyKey FROM outcomes
        WHERE expiresAt <= ? AND mediaId IS NOT NULL LIMIT ?)`,
  ).run(tx.nowMs, limit)
}
