import {
  type Catalog,
  checkUploadClaim,
  type ExtendSession,
  type SessionRecord,
  type UploadSessionRecord,
} from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { newFence } from './begin.ts'
import { checkRoom, lockRoom, perSubject, writeReservations } from './reservations.ts'
import {
  heldSession,
  lockSession,
  type SessionRef,
  type SessionRow,
  selectSession,
  sessionOf,
  uploadOf,
} from './session-rows.ts'

const EXTEND = `UPDATE @sessions SET expires_at = $1, offset_bytes = $2, declared = $3, state = $4, locked_until = $5
  WHERE id = $6`

/** Members that are absent stay; a put has no state. */
export function extendSession(
  database: Database,
  session: SessionRef,
  to: ExtendSession,
): Promise<SessionRecord> {
  return database.transact(
    'extend a session',
    async (tx) => {
      const [held] = await tx.run(lockSession(session.id))
      const row = heldSession(session, held)
      const wanted = perSubject(row.namespace, to.reservations)
      if (wanted.length > 0) checkRoom(wanted, await tx.run(...lockRoom(wanted, row.id)))
      const after = extended(row, to, tx.nowMs)
      const { expiresAt, offsetBytes, declared, state, lockedUntil } = after
      await tx.commit(
        sql(EXTEND, expiresAt, offsetBytes, declared, state, lockedUntil, row.id),
        ...writeReservations(wanted, row.id),
      )
      return sessionOf(after)
    },
    // What an upload's progress is told by, and who is at it, must not be lost.
    { durable: to.leaseMs !== undefined || to.state !== undefined || to.declared !== undefined },
  )
}

function extended(row: SessionRow, to: ExtendSession, nowMs: number): SessionRow {
  const isUpload = row.state !== 'live'
  return {
    ...row,
    expiresAt: to.ttlMs === undefined ? row.expiresAt : nowMs + to.ttlMs,
    offsetBytes: to.offsetBytes ?? row.offsetBytes,
    declared: to.declared === undefined ? row.declared : JSON.stringify(to.declared),
    state: isUpload ? (to.state ?? row.state) : row.state,
    lockedUntil: to.leaseMs === undefined ? row.lockedUntil : lockEnd(nowMs, to.leaseMs),
  }
}

const CLAIM = 'UPDATE @sessions SET fence = $1, locked_until = $2 WHERE id = $3'

export function claimSession(
  database: Database,
  id: string,
  { leaseMs, force }: Parameters<Catalog['claimSession']>[1],
): Promise<UploadSessionRecord> {
  return database.transact('claim an upload', async (tx) => {
    const [{ rows }] = await tx.run(lockSession(id))
    const row = rows.find(({ state }) => state !== 'live')
    checkUploadClaim(row, { nowMs: tx.nowMs, force })
    const fence = Math.max(newFence(tx.nowMs), row.fence + 1)
    const lockedUntil = lockEnd(tx.nowMs, leaseMs)
    await tx.commit(sql(CLAIM, fence, lockedUntil, id))
    const claimed = uploadOf({ ...row, fence, lockedUntil })
    if (claimed === undefined) throw new Error('a put was claimed')
    return claimed
  })
}

export async function getSession(database: Database, id: string): Promise<UploadSessionRecord | undefined> {
  const [row] = await database.ask('look at an upload', selectSession(id))
  return uploadOf(row)
}

/** Until when nobody else takes up what a session is at. */
export const lockEnd = (nowMs: number, leaseMs: number): number | null =>
  leaseMs === 0 ? null : nowMs + leaseMs
