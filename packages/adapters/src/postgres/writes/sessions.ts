import type { BeginSession, BegunSession, KeptSession, SessionRecord } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { begin, lockBegin } from './begin.ts'
import { dropSession } from './drop-session.ts'
import { forgetOldOutcomes } from './outcomes.ts'
import {
  isHeld,
  lockSession,
  SESSION_AS_JSON,
  type SessionRef,
  type SessionRow,
  selectSession,
  sessionOf,
} from './session-rows.ts'

/** A put that is lost with the server is begun again; a commit that follows it waits for the disk, for both. */
export function beginSession(database: Database, input: BeginSession): Promise<BegunSession> {
  return database.transact(
    'begin a session',
    async (tx) => {
      const begun = await begin(tx, input, await tx.run(...lockBegin(input)))
      if (begun.type === 'repeated') return begun
      await tx.commit(...begun.statements)
      return { type: 'begun', session: begun.session }
    },
    { durable: input.upload !== undefined },
  )
}

/** With `keep` the row of an upload stays. */
export function endSession(database: Database, session: SessionRef, keep?: KeptSession): Promise<void> {
  return database.transact(
    'end a session',
    async (tx) => {
      const [{ rows }] = await tx.run(lockSession(session.id))
      const [row] = rows
      if (row === undefined || !isHeld(row, session)) return
      await tx.commit(...dropSession(row.id, tx.nowMs, row.state === 'live' ? undefined : keep))
    },
    { durable: keep !== undefined },
  )
}

const EXPIRED = `SELECT ${SESSION_AS_JSON} FROM @sessions WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE`

/** @returns sessions past their time, ended now. */
export function expireSessions(
  database: Database,
  { limit }: { readonly limit: number },
): Promise<readonly SessionRecord[]> {
  return database.transact('end sessions past their time', async (tx) => {
    await tx.run()
    const [{ rows }] = await tx.run(sql<SessionRow>(EXPIRED, tx.nowMs, limit))
    await tx.commit(
      ...rows.flatMap(({ id }) => dropSession(id, tx.nowMs)),
      forgetOldOutcomes(tx.nowMs, limit),
    )
    return rows.map(sessionOf)
  })
}

const OF_NAMESPACE = `SELECT ${SESSION_AS_JSON} FROM @sessions WHERE namespace = $1 AND ended_at IS NULL ORDER BY id`

export async function listSessions(database: Database, namespace: string): Promise<readonly SessionRecord[]> {
  const rows = await database.ask('list sessions', sql<SessionRow>(OF_NAMESPACE, namespace))
  return rows.map(sessionOf)
}

/** One that is past its time and not yet swept can still be extended by whoever holds it, and commit. */
export function isSessionLive(database: Database, id: string): Promise<boolean> {
  return database.transact('look at a session', async (tx) => {
    const [{ rows }] = await tx.run(selectSession(id))
    return rows.some(({ endedAt, expiresAt }) => endedAt === null && expiresAt > tx.nowMs)
  })
}
