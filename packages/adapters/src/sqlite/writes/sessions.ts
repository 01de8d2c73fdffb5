import {
  type BeginSession,
  type BegunSession,
  type JsonObject,
  MediaError,
  type Reservation,
  type SessionRecord,
} from '@mediakeep/core'
import type { Database, Transaction } from '../database.ts'
import { idAsJson, readJsonId, type StoredId, storeId } from '../ids.ts'
import { noteLostReference } from './blobs.ts'
import { orConflict } from './conflict.ts'
import { earlierOutcome, forgetOldOutcomes, freeIdempotencyKey, takeIdempotencyKey } from './outcomes.ts'
import { leavePlacement, placementById } from './placements.ts'
import { reserve } from './reservations.ts'

/** How a session is named by who holds it. */
export interface SessionRef {
  readonly id: string
  readonly fence: number
}

export interface SessionRow {
  readonly id: string
  readonly namespace: string
  readonly owner: string
  readonly fence: number
  readonly expiresAt: number
  readonly offsetBytes: number
  readonly idempotencyKey: string | null
  readonly declared: string
}

const SELECT = `SELECT json_object('id', ${idAsJson('id')}, 'namespace', namespace, 'owner', owner, 'fence', fence,
  'expiresAt', expiresAt, 'offsetBytes', offsetBytes, 'idempotencyKey', idempotencyKey, 'declared', declared) AS json
FROM sessions`

let begunHere = 0
/** Grows with time, and differs for sessions begun in one millisecond: who held an id before can never commit. */
function newFence(nowMs: number): number {
  begunHere = (begunHere + 1) % 1000
  return Math.floor(nowMs) * 1000 + begunHere
}

export function beginSession(tx: Transaction, input: BeginSession): BegunSession {
  const id = storeId(input.id)
  if (input.idempotencyKey !== undefined) {
    const earlier = earlierOutcome(tx, input, input.idempotencyKey)
    if (earlier.type === 'repeated') return earlier
    const holder = earlier.sessionId === undefined ? undefined : sessionRow(tx, earlier.sessionId)
    if (holder !== undefined && holder.expiresAt > tx.nowMs)
      throw new MediaError(
        'MEDIA_LOCKED',
        'sqlite: a put with this idempotency key is under way; try again when it has ended',
        { reason: 'idempotency-key' },
      )
    // Its sender is gone: the key passes on, and the late session can no longer commit.
    if (holder !== undefined) dropSession(tx, holder)
    takeIdempotencyKey(tx, input, input.idempotencyKey, id)
  }
  reserve(tx, { id, namespace: input.namespace }, input.reservations ?? [])
  const expiresAt = tx.nowMs + input.ttlMs
  const fence = newFence(tx.nowMs)
  const declared = input.declared ?? {}
  orConflict('session-taken', `the session ${input.id} exists already`, () =>
    tx
      .sql(
        `INSERT INTO sessions(id, namespace, owner, mediaId, fence, expiresAt, offsetBytes, state, idempotencyKey, declared)
         VALUES (?, ?, ?, ?, ?, ?, 0, 'live', ?, ?)`,
      )
      .run(
        id,
        input.namespace,
        input.owner,
        input.mediaId === undefined ? null : storeId(input.mediaId),
        fence,
        expiresAt,
        input.idempotencyKey ?? null,
        JSON.stringify(declared),
      ),
  )
  const { namespace, owner } = input
  return {
    type: 'begun',
    session: {
      id: input.id,
      namespace,
      owner,
      fence,
      expiresAt: new Date(expiresAt),
      offsetBytes: 0,
      declared,
    },
  }
}

/** @throws MediaError MEDIA_LEASE_LOST when the session was ended, swept or taken over. */
export function liveSession(tx: Transaction, session: SessionRef): SessionRow {
  const row = sessionRow(tx, storeId(session.id))
  if (row === undefined || row.fence !== session.fence)
    throw new MediaError(
      'MEDIA_LEASE_LOST',
      `sqlite: the upload session ${session.id} has ended; start the upload again`,
      { reason: 'session-ended' },
    )
  return row
}

function sessionRow(database: Database, id: StoredId): SessionRow | undefined {
  const row = database.json<SessionRow>(`${SELECT} WHERE id = ?`).get(id)
  return row === undefined ? undefined : withId(row)
}

const withId = (row: SessionRow): SessionRow => ({ ...row, id: readJsonId(row.id) })

export interface ExtendSession {
  readonly session: SessionRef
  readonly ttlMs: number
  readonly offsetBytes?: number
  readonly reservations?: readonly Reservation[]
}

export function extendSession(tx: Transaction, input: ExtendSession): SessionRecord {
  const row = liveSession(tx, input.session)
  const id = storeId(row.id)
  reserve(tx, { id, namespace: row.namespace }, input.reservations ?? [])
  const expiresAt = tx.nowMs + input.ttlMs
  const offsetBytes = input.offsetBytes ?? row.offsetBytes
  tx.sql('UPDATE sessions SET expiresAt = ?, offsetBytes = ? WHERE id = ?').run(expiresAt, offsetBytes, id)
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
    .json<SessionRow>(`${SELECT} WHERE expiresAt <= ? ORDER BY expiresAt LIMIT ?`)
    .all(tx.nowMs, limit)
    .map(withId)
  for (const row of rows) dropSession(tx, row)
  forgetOldOutcomes(tx, limit)
  return rows.map((row) => row.id)
}

export interface PinRow {
  readonly blobId: string
  /** Absent where only the blob is pinned. */
  readonly placementId?: string
}

/** How the mark for no placement reads. */
const ONLY_THE_BLOB = '00'

export function pinsOf(tx: Transaction, sessionId: StoredId): readonly PinRow[] {
  const rows = tx
    .json<readonly [blobId: string, placementId: string]>(
      `SELECT json_array(${idAsJson('blobId')}, ${idAsJson('placementId')}) AS json FROM pins WHERE sessionId = ?`,
    )
    .all(sessionId)
  return rows.map(([blobId, placementId]) => ({
    blobId: readJsonId(blobId),
    ...(placementId === ONLY_THE_BLOB ? {} : { placementId: readJsonId(placementId) }),
  }))
}

/** Session, pins and reservations go; what it staged is garbage; its idempotency key is free. */
function dropSession(tx: Transaction, row: SessionRow): void {
  closeSession(tx, row, pinsOf(tx, storeId(row.id)))
  if (row.idempotencyKey !== null) freeIdempotencyKey(tx, row, row.idempotencyKey, storeId(row.id))
}

/** Removes the rows of a session whose put has ended, and gives up those of its pins that are told. */
export function closeSession(tx: Transaction, row: SessionRow, pins: readonly PinRow[]): void {
  const id = storeId(row.id)
  tx.sql('DELETE FROM pins WHERE sessionId = ?').run(id)
  tx.sql('DELETE FROM reservations WHERE sessionId = ?').run(id)
  tx.sql('DELETE FROM sessions WHERE id = ?').run(id)
  for (const pin of pins) {
    const placement = pin.placementId === undefined ? undefined : placementById(tx, storeId(pin.placementId))
    if (placement?.state === 'staged') leavePlacement(tx, placement)
    noteLostReference(tx, storeId(pin.blobId))
  }
}

export function listSessions(database: Database, namespace: string): readonly SessionRecord[] {
  return database
    .json<SessionRow>(`${SELECT} WHERE namespace = ? ORDER BY id`)
    .all(namespace)
    .map((row) => sessionOf(withId(row)))
}

/** One that is past its time and not yet swept lives: it can still be extended, and commit. */
export function isSessionLive(database: Database, id: string): boolean {
  return sessionRow(database, storeId(id)) !== undefined
}

export function sessionOf(row: SessionRow): SessionRecord {
  return {
    id: row.id,
    namespace: row.namespace,
    owner: row.owner,
    fence: row.fence,
    expiresAt: new Date(row.expiresAt),
    offsetBytes: row.offsetBytes,
    declared: JSON.parse(row.declared) as JsonObject,
  }
}
