import { type BeginSession, checkOpenUploads, type SessionRecord } from '@mediakeep/core'
import { type Answers, type Statement, sql } from '../connection/statement.ts'
import type { Transaction } from '../database.ts'
import { dropSession } from './drop-session.ts'
import { earlierOutcome, lockOutcome, type OutcomeStatements, takeIdempotencyKey } from './outcomes.ts'
import { checkRoom, lockRoom, perSubject, type RoomStatements, writeReservations } from './reservations.ts'

export type LockBegin = readonly [...OutcomeStatements, ...RoomStatements]

/** The first round trip of what begins a session. */
export function lockBegin(input: BeginSession): LockBegin {
  const wanted = perSubject(input.namespace, input.reservations)
  return [...lockOutcome(input), ...lockRoom(wanted, input.id, countedOf(input))]
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
    idempotency_key, declared) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9)`

/** @throws MediaError MEDIA_LOCKED, MEDIA_RATE_LIMITED, MEDIA_QUOTA, MEDIA_NO_SPACE */
export async function begin(
  tx: Transaction,
  input: BeginSession,
  [key, holder, outcome, gates, locked, used]: Answers<LockBegin>,
): Promise<Begun> {
  const { nowMs } = tx
  const statements: Statement<unknown>[] = []
  if (input.idempotencyKey !== undefined) {
    const earlier = earlierOutcome([key, holder, outcome], nowMs)
    if (earlier.type === 'repeated') return earlier
    // Its sender is gone: the key passes on, and the late session can no longer commit.
    if (earlier.expiredSession !== undefined) statements.push(...dropSession(earlier.expiredSession, nowMs))
    statements.push(...takeIdempotencyKey(input, input.idempotencyKey, input.id, nowMs, earlier.isKnown))
  }
  const wanted = perSubject(input.namespace, input.reservations)
  checkRoom(wanted, [gates, locked, used], countedOf(input))
  await checkMaxOpen(tx, input)
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
      input.upload?.state ?? 'live',
      input.idempotencyKey ?? null,
      JSON.stringify(declared),
    ),
    ...writeReservations(wanted, id),
  )
  const session = { id, namespace, owner, fence, expiresAt: new Date(expiresAt), offsetBytes: 0, declared }
  return { type: 'begun', session, statements }
}

/** Who may have only so many uploads open locks them, as those lock who ask for room. */
function countedOf({ namespace, owner, upload }: BeginSession): readonly string[] {
  return upload?.maxOpen === undefined ? [] : [`u:${namespace.length}:${namespace}:${owner}`]
}

const OPEN = `SELECT to_json(count(*)) FROM @sessions
  WHERE namespace = $1 AND owner = $2 AND state <> 'live' AND ended_at IS NULL AND expires_at > $3`

/** @throws MediaError MEDIA_RATE_LIMITED `too-many-uploads` */
async function checkMaxOpen(tx: Transaction, { namespace, owner, upload }: BeginSession): Promise<void> {
  if (upload?.maxOpen === undefined) return
  const [{ rows }] = await tx.run(sql<number>(OPEN, namespace, owner, tx.nowMs))
  checkOpenUploads(rows[0] ?? 0, upload.maxOpen)
}

/** Grows with time, and differs for sessions begun in one millisecond: who held an id before can never commit. */
export function newFence(nowMs: number): number {
  return Math.floor(nowMs) * 1000 + Math.floor(Math.random() * 1000)
}
