import { type BeginSession, checkOpenUploads } from '@mediakeep/core'
import type { Transaction } from '../database.ts'

const OPEN = `SELECT count(*) AS open FROM sessions
  WHERE namespace = ? AND owner = ? AND state <> 'live' AND endedAt IS NULL AND expiresAt > ?`

/** @throws MediaError MEDIA_RATE_LIMITED `too-many-uploads` */
export function checkMaxOpen(tx: Transaction, { namespace, owner, upload }: BeginSession): void {
  if (upload?.maxOpen === undefined) return
  const row = tx.sql<{ readonly open: number }>(OPEN).get(namespace, owner, tx.nowMs)
  checkOpenUploads(row?.open ?? 0, upload.maxOpen)
}
