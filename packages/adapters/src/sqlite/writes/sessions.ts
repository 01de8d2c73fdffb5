import {
  type BeginSession,
  type BegunSession,
  type JsonObject,
  type KeptSession,
  MediaError,
  type SessionRecord,
  type UploadState,
} from '@mediakeep/core'
import type { Database, Transaction } from '../database.ts'
import { idAsJson, readJsonId, type StoredId, storeId } from '../ids.ts'
import { noteLostReference } from './blobs.ts'
import { orConflict } from './conflict.ts'
import { checkMaxOpen } from './open-uploads.ts'
import {
  earlierOutcome,
  forgetOldOutcomes,
  freeIdempotencyKey,
  type KeyHolder,
  takeIdempotencyKey,
} from './outcomes.ts'
import { type PinRow, pinsOf, removePins } from './pins.ts'
import { leavePlacement, placementById } from './placements.ts'
import { removeReservations, reserve } from './reservations.ts'

/** How a session is named by who holds it. */
export interface SessionRef {
  readonly id: string
  readonly fence: number
}

/** What no change of a session changes. */
export interface HeldSession extends SessionRef, KeyHolder {
  readonly idempotencyKey: string | null
}

export interface SessionRow extends HeldSession {
  readonly expiresAt: number
  readonly offsetBytes: number
  readonly declared: string
  /** `live` of a put. */
  readonly state: UploadState | 'live'
  readonly lockedUntil: number | null
  /** Of an upload that is only told of. */
  readonly endedAt: number | null
  readonly mediaId: string | null
}

const SELECT = `SELECT json_object('id', ${idAsJson('id')}, 'namespace', namespace, 'owner', owner, 'fence', fence,
  'expiresAt', expiresAt, 'offsetBytes', offsetBytes, 'idempotencyKey', idempotencyKey, 'declared', declared,
  'state', state, 'lockedUntil', lockedUntil, 'endedAt', endedAt, 'mediaId', ${idAsJson('mediaId')}) AS json
FROM sessions`
const BY_ID = `${SELECT} WHERE id = ?`
const EXPIRED = `${SELECT} WHERE expiresAt <= ? ORDER BY expiresAt LIMIT ?`
const OF_NAMESPACE = `${SELECT} WHERE namespace = ? AND endedAt IS NULL ORDER BY id`

let begunHere = 0
/** Grows with time, and differs for sessions begun in one millisecond: who held an id before can never commit. */
export function newFence(nowMs: number): number {
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
  checkMaxOpen(tx, input)
  reserve(tx, { id, namespace: input.namespace }, input.reservations ?? [])
  const expiresAt = tx.nowMs + input.ttlMs
  const fence = newFence(tx.nowMs)
  const declared = input.declared ?? {}
  orConflict('session-taken', `the session ${input.id} exists already`, () =>
    tx
      .sql(
        `INSERT INTO sessions(id, namespace, owner, mediaId, fence, expiresAt, offsetBytes, state, idempotencyKey, declared)
         VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?)`,
      )
      .run(
        id,
        input.namespace,
        input.owner,
        input.mediaId === undefined ? null : storeId(input.mediaId),
        fence,
        expiresAt,
        input.upload?.state ?? 'live',
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
  if (row === undefined || !isHeld(row, session)) throw sessionEnded(session)
  return row
}

function isHeld(row: SessionRow, { fence }: SessionRef): boolean {
  return row.fence === fence && row.endedAt === null
}

function sessionEnded({ id }: SessionRef): MediaError {
  return new MediaError(
    'MEDIA_LEASE_LOST',
    `sqlite: the upload session ${id} has ended; start the upload again`,
    { reason: 'session-ended' },
  )
}

export function sessionRow(database: Database, id: StoredId): SessionRow | undefined {
  const row = database.json<SessionRow>(BY_ID).get(id)
  return row === undefined ? undefined : withId(row)
}

const withId = (row: SessionRow): SessionRow => ({
  ...row,
  id: readJsonId(row.id),
  mediaId: row.mediaId === null ? null : readJsonId(row.mediaId),
})

export interface EndSession {
  readonly session: SessionRef
  readonly keep?: KeptSession
}

export function endSession(tx: Transaction, { session, keep }: EndSession): undefined {
  const row = sessionRow(tx, storeId(session.id))
  if (row !== undefined && isHeld(row, session)) dropSession(tx, row, keep)
  return undefined
}

/** @returns sessions past their time, ended now. */
export function expireSessions(
  tx: Transaction,
  { limit }: { readonly limit: number },
): readonly SessionRecord[] {
  const rows = tx.json<SessionRow>(EXPIRED).all(tx.nowMs, limit).map(withId)
  for (const row of rows) dropSession(tx, row)
  forgetOldOutcomes(tx, limit)
  return rows.map(sessionOf)
}

/** Pins and reservations go, and the session unless it is kept; what it staged is garbage; its idempotency key is free. */
function dropSession(tx: Transaction, row: SessionRow, keep?: KeptSession): void {
  const id = storeId(row.id)
  closeSession(tx, row, pinsOf(tx, id), keep)
  if (row.idempotencyKey !== null) freeIdempotencyKey(tx, row, row.idempotencyKey, id)
}

/** Removes the rows of a session that has ended, and gives up what its pins held. */
export function closeSession(
  tx: Transaction,
  row: SessionRow,
  pins: readonly PinRow[],
  keep?: KeptSession,
): void {
  const id = storeId(row.id)
  if (keep !== undefined && row.state !== 'live') keepSession(tx, row, { ...keep, mediaId: null })
  else takeSession(tx, row, id)
  removePins(tx, id)
  removeReservations(tx, id)
  giveUp(tx, pins)
}

/** Ends a session. What it pins and reserves is still there. @throws MediaError as `liveSession` */
export function takeSession(tx: Transaction, session: SessionRef, id: StoredId): void {
  const taken = tx.sql('DELETE FROM sessions WHERE id = ? AND fence = ?').run(id, session.fence)
  if (taken.changes < 1) throw sessionEnded(session)
}

const KEEP = `UPDATE sessions SET state = ?, declared = ?, expiresAt = ?, mediaId = ?, lockedUntil = NULL, endedAt = ?
  WHERE id = ?`

/** Ends that of an upload, and leaves its row to be told of. */
export function keepSession(
  tx: Transaction,
  { id }: SessionRow,
  { state, declared, ttlMs, mediaId }: KeptSession & { readonly mediaId: StoredId | null },
): void {
  tx.sql(KEEP).run(state, JSON.stringify(declared), tx.nowMs + ttlMs, mediaId, tx.nowMs, storeId(id))
}

/** What these pins held is garbage, unless somebody else wants it. */
export function giveUp(tx: Transaction, pins: readonly PinRow[]): void {
  for (const pin of pins) {
    const placement = pin.placementId === undefined ? undefined : placementById(tx, storeId(pin.placementId))
    if (placement?.state === 'staged') leavePlacement(tx, placement)
    noteLostReference(tx, storeId(pin.blobId))
  }
}

export function listSessions(database: Database, namespace: string): readonly SessionRecord[] {
  return database
    .json<SessionRow>(OF_NAMESPACE)
    .all(namespace)
    .map((row) => sessionOf(withId(row)))
}

/** One that is past its time and not yet swept can still be extended by whoever holds it, and commit. */
export function isSessionLive(database: Database, id: string, nowMs: number): boolean {
  const row = sessionRow(database, storeId(id))
  return row !== undefined && row.endedAt === null && row.expiresAt > nowMs
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
