import {
  type JsonObject,
  MediaError,
  type SessionRecord,
  type UploadSessionRecord,
  type UploadState,
} from '@mediakeep/core'
import { type Answer, type Statement, sql } from '../connection/statement.ts'

/** How a session is named by who holds it. */
export interface SessionRef {
  readonly id: string
  readonly fence: number
}

export interface SessionRow extends SessionRef {
  readonly namespace: string
  readonly owner: string
  readonly expiresAt: number
  readonly offsetBytes: number
  readonly idempotencyKey: string | null
  /** JSON. */
  readonly declared: string
  /** `live` of a put. */
  readonly state: UploadState | 'live'
  readonly lockedUntil: number | null
  /** Of an upload that is only told of. */
  readonly endedAt: number | null
  readonly mediaId: string | null
}

export const SESSION_AS_JSON = `json_build_object('id', id, 'namespace', namespace, 'owner', owner, 'fence', fence,
  'expiresAt', expires_at, 'offsetBytes', offset_bytes, 'idempotencyKey', idempotency_key, 'declared', declared,
  'state', state, 'lockedUntil', locked_until, 'endedAt', ended_at, 'mediaId', media_id)`

const SELECT = `SELECT ${SESSION_AS_JSON} FROM @sessions WHERE id = $1`
const LOCK = `${SELECT} FOR UPDATE`

export function selectSession(id: string): Statement<SessionRow> {
  return sql<SessionRow>(SELECT, id)
}

/** Whoever adds to a session or ends it holds its row. */
export function lockSession(id: string): Statement<SessionRow> {
  return sql<SessionRow>(LOCK, id)
}

export function isHeld(row: SessionRow, { fence }: SessionRef): boolean {
  return row.fence === fence && row.endedAt === null
}

/** @throws MediaError MEDIA_LEASE_LOST when the session was ended, swept or taken over. */
export function heldSession(session: SessionRef, { rows }: Answer<SessionRow>): SessionRow {
  const [row] = rows
  if (row !== undefined && isHeld(row, session)) return row
  throw new MediaError(
    'MEDIA_LEASE_LOST',
    `postgres: the upload session ${session.id} has ended; start the upload again`,
    { reason: 'session-ended' },
  )
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

/** `undefined` for a put. */
export function uploadOf(row: SessionRow | undefined): UploadSessionRecord | undefined {
  if (row === undefined || row.state === 'live') return undefined
  const { state, lockedUntil, endedAt, mediaId } = row
  return {
    ...sessionOf(row),
    state,
    ...(lockedUntil === null ? {} : { lockedUntil: new Date(lockedUntil) }),
    // Until it has ended, it is the id that was asked for.
    ...(endedAt === null || mediaId === null ? {} : { mediaId }),
  }
}
