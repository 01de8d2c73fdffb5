import {
  type BeginSession,
  type BegunSession,
  IDEMPOTENCY_TTL_MS,
  type JsonObject,
  MediaError,
  type Reservation,
  type SessionRecord,
} from '@mediakeep/core'
import type { Database, Transaction } from '../database.ts'
import { readId, type StoredId, storeId } from '../ids.ts'
import { noteLostReference } from './blobs.ts'
import { leavePlacement, type PlacementRow } from './placements.ts'

/** How a session is named by who holds it. */
export interface SessionRef {
  readonly id: string
  readonly fence: number
}

export interface SessionRow {
  readonly id: StoredId
  readonly namespace: string
  readonly owner: string
  readonly fence: number
  readonly expiresAt: number
  readonly offsetBytes: number
  readonly idempotencyKey: string | null
  readonly declared: string
}

const COLUMNS = 'id, namespace, owner, fence, expiresAt, offsetBytes, idempotencyKey, declared'
const FIRST_FENCE = 1

export function beginSession(tx: Transaction, input: BeginSession): BegunSession {
  const id = storeId(input.id)
  if (input.idempotencyKey !== undefined) {
    const mediaId = claimIdempotencyKey(tx, input, input.idempotencyKey, id)
    if (mediaId !== undefined) return { type: 'repeated', mediaId }
  }
  reserve(tx, input, id, input.reservations ?? [])
  const expiresAt = tx.nowMs + input.ttlMs
  const declared = input.declared ?? {}
  tx.sql(
    `INSERT INTO sessions(id, namespace, owner, mediaId, fence, expiresAt, offsetBytes, state, idempotencyKey, declared)
     VALUES (?, ?, ?, ?, ?, ?, 0, 'live', ?, ?)`,
  ).run(
    id,
    input.namespace,
    input.owner,
    input.mediaId === undefined ? null : storeId(input.mediaId),
    FIRST_FENCE,
    expiresAt,
    input.idempotencyKey ?? null,
    JSON.stringify(declared),
  )
  const session: SessionRecord = {
    id: input.id,
    namespace: input.namespace,
    owner: input.owner,
    fence: FIRST_FENCE,
    expiresAt: new Date(expiresAt),
    offsetBytes: 0,
    declared,
  }
  return { type: 'begun', session }
}

/** The media an earlier put with this key made; `undefined` when the key is ours now. */
function claimIdempotencyKey(
  tx: Transaction,
  input: BeginSession,
  key: string,
  sessionId: StoredId,
): string | undefined {
  interface Outcome {
    readonly sessionId: StoredId | null
    readonly mediaId: StoredId | null
    readonly expiresAt: number
  }
  const known = tx
    .sql<Outcome>(
      'SELECT sessionId, mediaId, expiresAt FROM outcomes WHERE namespace = ? AND owner = ? AND idempotencyKey = ?',
    )
    .get(input.namespace, input.owner, key)
  if (known !== undefined && known.mediaId !== null && known.expiresAt > tx.nowMs)
    return readId(known.mediaId)
  if (known !== undefined && known.sessionId !== null) {
    const holder = sessionRow(tx, known.sessionId)
    if (holder !== undefined && holder.expiresAt > tx.nowMs)
      throw new MediaError(
        'MEDIA_LOCKED',
        'sqlite: a put with this idempotency key is under way; try again when it has ended',
        {
          reason: 'idempotency-key',
        },
      )
    // Its sender is gone: the key passes on, and the late session can no longer commit.
    if (holder !== undefined) dropSession(tx, holder)
  }
  tx.sql(
    'INSERT OR REPLACE INTO outcomes(namespace, owner, idempotencyKey, sessionId, mediaId, expiresAt) VALUES (?, ?, ?, ?, NULL, ?)',
  ).run(input.namespace, input.owner, key, sessionId, tx.nowMs + IDEMPOTENCY_TTL_MS)
  return undefined
}

/** @throws MediaError MEDIA_LEASE_LOST when the session was ended, swept or taken over. */
export function liveSession(tx: Transaction, session: SessionRef): SessionRow {
  const row = sessionRow(tx, storeId(session.id))
  if (row === undefined || row.fence !== session.fence)
    throw new MediaError(
      'MEDIA_LEASE_LOST',
      `sqlite: session ${session.id} has ended; begin the upload again`,
      {
        reason: 'session-ended',
      },
    )
  return row
}

function sessionRow(database: Database, id: StoredId): SessionRow | undefined {
  return database.sql<SessionRow>(`SELECT ${COLUMNS} FROM sessions WHERE id = ?`).get(id)
}

export interface ExtendSession {
  readonly session: SessionRef
  readonly ttlMs: number
  readonly offsetBytes?: number
  readonly reservations?: readonly Reservation[]
}

export function extendSession(tx: Transaction, input: ExtendSession): SessionRecord {
  const row = liveSession(tx, input.session)
  if (input.reservations !== undefined) {
    tx.sql('DELETE FROM reservations WHERE sessionId = ?').run(row.id)
    reserve(tx, row, row.id, input.reservations)
  }
  const expiresAt = tx.nowMs + input.ttlMs
  const offsetBytes = input.offsetBytes ?? row.offsetBytes
  tx.sql('UPDATE sessions SET expiresAt = ?, offsetBytes = ? WHERE id = ?').run(
    expiresAt,
    offsetBytes,
    row.id,
  )
  return sessionOf({ ...row, expiresAt, offsetBytes })
}

export function endSession(tx: Transaction, session: SessionRef): undefined {
  const row = sessionRow(tx, storeId(session.id))
  if (row !== undefined && row.fence === session.fence) dropSession(tx, row)
  return undefined
}

/** @returns ids of sessions past their time, ended now. */
export function expireSessions(tx: Transaction, { limit }: { readonly limit: number }): readonly string[] {
  const rows = tx
    .sql<SessionRow>(`SELECT ${COLUMNS} FROM sessions WHERE expiresAt <= ? ORDER BY expiresAt LIMIT ?`)
    .all(tx.nowMs, limit)
  for (const row of rows) dropSession(tx, row)
  tx.sql(
    `DELETE FROM outcomes WHERE (namespace, owner, idempotencyKey) IN
     (SELECT namespace, owner, idempotencyKey FROM outcomes WHERE expiresAt <= ? LIMIT ?)`,
  ).run(tx.nowMs, limit)
  return rows.map((row) => readId(row.id))
}

/** Session, pins and reservations go; what it staged is garbage; its idempotency key is free. */
function dropSession(tx: Transaction, row: SessionRow): void {
  interface Pin {
    readonly blobId: StoredId
    readonly placementId: StoredId | null
  }
  const pins = tx.sql<Pin>('SELECT blobId, placementId FROM pins WHERE sessionId = ?').all(row.id)
  closeSession(tx, row)
  if (row.idempotencyKey !== null)
    tx.sql(
      'DELETE FROM outcomes WHERE namespace = ? AND owner = ? AND idempotencyKey = ? AND sessionId = ?',
    ).run(row.namespace, row.owner, row.idempotencyKey, row.id)
  for (const pin of pins) {
    if (pin.placementId !== null) {
      const placement = tx
        .sql<PlacementRow>(
          "SELECT id, volumeId, key, state, owned, storedBytes, etag, blobId FROM placements WHERE id = ? AND state = 'staged'",
        )
        .get(pin.placementId)
      if (placement !== undefined) leavePlacement(tx, placement, tx.nowMs)
    }
    noteLostReference(tx, pin.blobId)
  }
}

/** Removes the rows of a session whose put succeeded or failed. */
export function closeSession(tx: Transaction, row: SessionRow): void {
  tx.sql('DELETE FROM pins WHERE sessionId = ?').run(row.id)
  tx.sql('DELETE FROM reservations WHERE sessionId = ?').run(row.id)
  tx.sql('DELETE FROM sessions WHERE id = ?').run(row.id)
}

/** Remembers what the put made, for its idempotency key. */
export function recordOutcome(tx: Transaction, row: SessionRow, mediaId: StoredId): void {
  if (row.idempotencyKey === null) return
  tx.sql(
    'INSERT OR REPLACE INTO outcomes(namespace, owner, idempotencyKey, sessionId, mediaId, expiresAt) VALUES (?, ?, ?, NULL, ?, ?)',
  ).run(row.namespace, row.owner, row.idempotencyKey, mediaId, tx.nowMs + IDEMPOTENCY_TTL_MS)
}

/** Two puts that each fit alone may not fit together: what others have reserved counts like what is stored. */
function reserve(
  tx: Transaction,
  session: { readonly namespace: string },
  sessionId: StoredId,
  reservations: readonly Reservation[],
): void {
  for (const { subject, bytes, limitBytes } of reservations) {
    const volumeId = 'volumeId' in subject ? storeId(subject.volumeId) : null
    const owner = 'owner' in subject ? subject.owner : null
    if (limitBytes !== undefined) {
      const usedBytes =
        volumeId === null ? ownerBytes(tx, session.namespace, owner ?? '') : volumeBytes(tx, volumeId)
      if (usedBytes + bytes > limitBytes)
        throw volumeId === null
          ? new MediaError(
              'MEDIA_QUOTA',
              `sqlite: the quota of the owner has no room for ${bytes} more bytes`,
              { reason: 'owner-quota' },
            )
          : new MediaError(
              'MEDIA_NO_SPACE',
              `sqlite: the volume has no room for ${bytes} more bytes; raise its capacity or free some`,
              {
                reason: 'volume-full',
              },
            )
    }
    tx.sql(
      'INSERT INTO reservations(sessionId, volumeId, namespace, owner, bytes) VALUES (?, ?, ?, ?, ?)',
    ).run(sessionId, volumeId, owner === null ? null : session.namespace, owner, bytes)
  }
}

interface Sum {
  readonly bytes: number
}

// Reservations live as long as an upload: there are few, and a scan of them all is cheaper than an index to keep.
function volumeBytes(tx: Transaction, volumeId: StoredId): number {
  return (
    tx
      .sql<Sum>(
        `SELECT coalesce((SELECT storedBytes FROM volume_totals WHERE volumeId = ?), 0)
           + coalesce((SELECT sum(bytes) FROM reservations WHERE volumeId = ?), 0) AS bytes`,
      )
      .get(volumeId, volumeId)?.bytes ?? 0
  )
}

function ownerBytes(tx: Transaction, namespace: string, owner: string): number {
  return (
    tx
      .sql<Sum>(
        `SELECT coalesce((SELECT logicalBytes FROM owner_totals WHERE namespace = ? AND owner = ?), 0)
           + coalesce((SELECT sum(bytes) FROM reservations WHERE namespace = ? AND owner = ?), 0) AS bytes`,
      )
      .get(namespace, owner, namespace, owner)?.bytes ?? 0
  )
}

export function listSessions(database: Database, namespace: string, nowMs: number): readonly SessionRecord[] {
  return database
    .sql<SessionRow>(`SELECT ${COLUMNS} FROM sessions WHERE namespace = ? AND expiresAt > ? ORDER BY id`)
    .all(namespace, nowMs)
    .map(sessionOf)
}

export function isSessionLive(database: Database, id: string, nowMs: number): boolean {
  const row = sessionRow(database, storeId(id))
  return row !== undefined && row.expiresAt > nowMs
}

export function sessionOf(row: SessionRow): SessionRecord {
  return {
    id: readId(row.id),
    namespace: row.namespace,
    owner: row.owner,
    fence: row.fence,
    expiresAt: new Date(row.expiresAt),
    offsetBytes: row.offsetBytes,
    declared: JSON.parse(row.declared) as JsonObject,
  }
}
