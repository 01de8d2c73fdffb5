import {
  type Catalog,
  checkUploadClaim,
  type ExtendSession,
  type SessionRecord,
  type UploadSessionRecord,
} from '@mediakeep/core'
import type { Database, Transaction } from '../database.ts'
import { storeId } from '../ids.ts'
import { reserve } from './reservations.ts'
import { liveSession, newFence, type SessionRef, type SessionRow, sessionOf, sessionRow } from './sessions.ts'

export interface ExtendInput {
  readonly session: SessionRef
  readonly to: ExtendSession
}

const EXTEND = `UPDATE sessions SET expiresAt = ?, offsetBytes = ?, declared = ?, state = ?, lockedUntil = ? WHERE id = ?`

/** Members that are absent stay; a put has no state. */
export function extendSession(tx: Transaction, { session, to }: ExtendInput): SessionRecord {
  const row = liveSession(tx, session)
  const id = storeId(row.id)
  reserve(tx, { id, namespace: row.namespace }, to.reservations ?? [])
  const expiresAt = to.ttlMs === undefined ? row.expiresAt : tx.nowMs + to.ttlMs
  const offsetBytes = to.offsetBytes ?? row.offsetBytes
  const declared = to.declared === undefined ? row.declared : JSON.stringify(to.declared)
  const isUpload = row.state !== 'live'
  const lockedUntil = to.leaseMs === undefined ? row.lockedUntil : lockEnd(tx.nowMs, to.leaseMs)
  const state = isUpload ? (to.state ?? row.state) : row.state
  tx.sql(EXTEND).run(expiresAt, offsetBytes, declared, state, lockedUntil, id)
  return sessionOf({ ...row, expiresAt, offsetBytes, declared })
}

/**
 * What an upload's progress is told by must not be lost. Who is at it may be: a power cut ends everybody who has this file open, and
 * the log keeps the order, so that what is synced later brings what was said before.
 */
export function isDurableExtension({ to }: ExtendInput): boolean {
  if (to.isPassing === true) return false
  const isProgress = to.leaseMs !== undefined && to.offsetBytes !== undefined
  return isProgress || to.state !== undefined || to.declared !== undefined
}

export interface ClaimInput {
  readonly id: string
  readonly claim: Parameters<Catalog['claimSession']>[1]
}

const CLAIM = 'UPDATE sessions SET fence = ?, lockedUntil = ? WHERE id = ?'

export function claimSession(tx: Transaction, { id, claim }: ClaimInput): UploadSessionRecord {
  const row = uploadRow(tx, id)
  checkUploadClaim(row, { nowMs: tx.nowMs, force: claim.force })
  const fence = Math.max(newFence(tx.nowMs), row.fence + 1)
  const lockedUntil = lockEnd(tx.nowMs, claim.leaseMs)
  tx.sql(CLAIM).run(fence, lockedUntil, storeId(id))
  return uploadOf({ ...row, fence, lockedUntil })
}

export function getSession(database: Database, id: string): UploadSessionRecord | undefined {
  const row = uploadRow(database, id)
  return row === undefined ? undefined : uploadOf(row)
}

function uploadRow(database: Database, id: string): SessionRow | undefined {
  const row = sessionRow(database, storeId(id))
  return row?.state === 'live' ? undefined : row
}

/** Until when nobody else takes up what a session is at. */
export const lockEnd = (nowMs: number, leaseMs: number): number | null =>
  leaseMs === 0 ? null : nowMs + leaseMs

function uploadOf(row: SessionRow): UploadSessionRecord {
  const { state, lockedUntil, endedAt, mediaId } = row
  if (state === 'live') throw new Error('a put is no upload')
  return {
    ...sessionOf(row),
    state,
    ...(lockedUntil === null ? {} : { lockedUntil: new Date(lockedUntil) }),
    // Until it has ended, it is the id that was asked for.
    ...(endedAt === null || mediaId === null ? {} : { mediaId }),
  }
}
