import type { BeginSession, BegunSession, Reservation, SessionRecord } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { begin, lockBegin } from './begin.ts'
import { dropSession } from './drop-session.ts'
import { forgetOldOutcomes } from './outcomes.ts'
import { checkRoom, lockRoom, perSubject, writeReservations } from './reservations.ts'
import {
  heldSession,
  lockSession,
  SESSION_AS_JSON,
  type SessionRef,
  type SessionRow,
  sessionOf,
} from './session-rows.ts'

// A session that is lost with the server is begun again; a commit that follows it waits for the disk, for both.
const LAZY = { durable: false }

export function beginSession(database: Database, input: BeginSession): Promise<BegunSession> {
  return database.transact(
    'begin a session',
    async (tx) => {
      const begun = begin(input, await tx.run(...lockBegin(input)), tx.nowMs)
      if (begun.type === 'repeated') return begun
      await tx.commit(...begun.statements)
      return { type: 'begun', session: begun.session }
    },
    LAZY,
  )
}

interface Extension {
  readonly ttlMs?: number
  readonly offsetBytes?: number
  readonly reservations?: readonly Reservation[]
}

export function extendSession(
  database: Database,
  session: SessionRef,
  to: Extension,
): Promise<SessionRecord> {
  return database.transact(
    'extend a session',
    async (tx) => {
      const [held] = await tx.run(lockSession(session.id))
      const row = heldSession(session, held)
      const wanted = perSubject(row.namespace, to.reservations)
      if (wanted.length > 0) checkRoom(wanted, await tx.run(...lockRoom(wanted, row.id)))
      const expiresAt = to.ttlMs === undefined ? row.expiresAt : tx.nowMs + to.ttlMs
      const offsetBytes = to.offsetBytes ?? row.offsetBytes
      await tx.commit(
        sql(
          'UPDATE @sessions SET expires_at = $1, offset_bytes = $2 WHERE id = $3',
          expiresAt,
          offsetBytes,
          row.id,
        ),
        ...writeReservations(wanted, row.id),
      )
      return sessionOf({ ...row, expiresAt, offsetBytes })
    },
    LAZY,
  )
}

export function endSession(database: Database, session: SessionRef): Promise<void> {
  return database.transact(
    'end a session',
    async (tx) => {
      const [{ rows }] = await tx.run(lockSession(session.id))
      if (rows[0]?.fence === session.fence) await tx.commit(...dropSession(session.id, tx.nowMs))
    },
    LAZY,
  )
}

const EXPIRED = `SELECT to_json(id) FROM @sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE`

/** @returns ids of sessions past their time, ended now. */
export function expireSessions(
  database: Database,
  { limit }: { readonly limit: number },
): Promise<readonly string[]> {
  return database.transact('end sessions past their time', async (tx) => {
    await tx.run()
    const [{ rows: ids }] = await tx.run(sql<string>(EXPIRED, tx.nowMs, limit))
    await tx.commit(...ids.flatMap((id) => dropSession(id, tx.nowMs)), forgetOldOutcomes(tx.nowMs, limit))
    return ids
  })
}

const OF_NAMESPACE = `SELECT ${SESSION_AS_JSON} FROM @sessions WHERE namespace = $1 ORDER BY id`

export async function listSessions(database: Database, namespace: string): Promise<readonly SessionRecord[]> {
  const rows = await database.ask('list sessions', sql<SessionRow>(OF_NAMESPACE, namespace))
  return rows.map(sessionOf)
}

/** One that is past its time and not yet swept lives: it can still be extended, and commit. */
export async function isSessionLive(database: Database, id: string): Promise<boolean> {
  const rows = await database.ask(
    'look at a session',
    sql<number>('SELECT 1 FROM @sessions WHERE id = $1', id),
  )
  return rows.length > 0
}
