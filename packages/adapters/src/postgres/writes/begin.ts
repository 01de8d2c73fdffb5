import type { BeginSession, SessionRecord } from '@mediakeep/core'
import { type Answers, type Statement, sql } from '../connection/statement.ts'
import { dropSession } from './drop-session.ts'
import { earlierOutcome, lockOutcome, type OutcomeStatements, takeIdempotencyKey } from './outcomes.ts'
import { checkRoom, lockRoom, perSubject, type RoomStatements, writeReservations } from './reservations.ts'

export type LockBegin = readonly [...OutcomeStatements, ...RoomStatements]

/** The first round trip of what begins a session. */
export function lockBegin(input: BeginSession): LockBegin {
  return [...lockOutcome(input), ...lockRoom(perSubject(input.namespace, input.reservations), input.id)]
}

export type Begun =
  | { readonly type: 'repeated'; readonly mediaId: string }
  | {
      readonly type: 'begun'
      readonly session: SessionRecord
      /** What writes it. */
      readonly statements: readonly Statement<unknown>[]
    }

const INSERT = `INSERT INTO @sessions(id, namespace, owner, media_id, fence, expires_at, offset_bytes, state,
    idempotency_key, declared) VALUES ($1, $2, $3, $4, $5, $6, 0, 'live', $7, $8)`

/** @throws MediaError MEDIA_LOCKED, MEDIA_QUOTA, MEDIA_NO_SPACE */
export function begin(
  input: BeginSession,
  [key, holder, outcome, gates, locked, used]: Answers<LockBegin>,
  nowMs: number,
): Begun {
  const statements: Statement<unknown>[] = []
  if (input.idempotencyKey !== undefined) {
    const earlier = earlierOutcome([key, holder, outcome], nowMs)
    if (earlier.type === 'repeated') return earlier
    // Its sender is gone: the key passes on, and the late session can no longer commit.
    if (earlier.expiredSession !== undefined) statements.push(...dropSession(earlier.expiredSession, nowMs))
    statements.push(...takeIdempotencyKey(input, input.idempotencyKey, input.id, nowMs, earlier.isKnown))
  }
  const wanted = perSubject(input.namespace, input.reservations)
  checkRoom(wanted, [gates, locked, used])
  const { id, namespace, owner, declared = {} } = input
  const fence = newFence(nowMs)
  const expiresAt = nowMs + input.ttlMs
  statements.push(
    sql(
      INSERT,
      id,
      namespace,
      owner,
      input.mediaId ?? null,
      fence,
      expiresAt,
      input.idempotencyKey ?? null,
      JSON.stringify(declared),
    ),
    ...writeReservations(wanted, id),
  )
  const session = { id, namespace, owner, fence, expiresAt: new Date(expiresAt), offsetBytes: 0, declared }
  return { type: 'begun', session, statements }
}

/** Grows with time, and differs for sessions begun in one millisecond: who held an id before can never commit. */
function newFence(nowMs: number): number {
  return Math.floor(nowMs) * 1000 + Math.floor(Math.random() * 1000)
}
