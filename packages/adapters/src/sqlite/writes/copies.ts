import { type CommitCopy, MediaError, type StageCopy, type StagedCopy } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { idAsJson, readJsonId, type StoredId, storeId } from '../ids.ts'
import { copiesOf } from '../reads/copies.ts'
import { WANTED } from '../reads/references.ts'
import { reviveBlob } from './blobs.ts'
import { pinsOf } from './pins.ts'
import { placementById } from './placements.ts'
import { beginSession, closeSession, liveSession } from './sessions.ts'
import { addStaged } from './stage.ts'
import { lockEnd } from './uploads.ts'

export function markVerified(tx: Transaction, placementIds: readonly string[]): undefined {
  const mark = tx.sql(
    "UPDATE placements SET verifiedAt = ?, state = 'live' WHERE id = ? AND state IN ('live', 'bad')",
  )
  for (const id of placementIds) mark.run(tx.nowMs, storeId(id))
  return undefined
}

/** Transaction A of a further copy. */
export function stageCopy(tx: Transaction, input: StageCopy): StagedCopy {
  const blobId = storeId(input.blobId)
  const blob = copiesOf(tx, blobId)
  if (blob === undefined || !isWanted(tx, blobId)) return { type: 'unwanted' }
  if (blob.placements.some(({ state, volumeId }) => state === 'live' && volumeId === input.volumeId))
    return { type: 'present' }
  const other = copierOf(tx, blobId, storeId(input.volumeId))
  if (other !== undefined)
    return { type: 'under-way', sessionId: other.sessionId, leaseLeftMs: other.leaseEnd - tx.nowMs }
  const begun = beginSession(tx, input.session)
  if (begun.type === 'repeated') throw new Error('a session without idempotency key repeats no outcome')
  reviveBlob(tx, blobId)
  addStaged(tx, begun.session, blobId, { ...input, sizeBytes: blob.sizeBytes })
  tx.sql('UPDATE sessions SET lockedUntil = ? WHERE id = ?').run(
    lockEnd(tx.nowMs, input.leaseMs),
    storeId(begun.session.id),
  )
  return { type: 'staged', session: begun.session, blob }
}

interface Copier {
  readonly sessionId: string
  readonly leaseEnd: number
}

const COPIER = `SELECT json_object('sessionId', ${idAsJson('s.id')}, 'leaseEnd', min(s.lockedUntil, s.expiresAt)) AS json
  FROM pins n JOIN placements p ON p.id = n.placementId JOIN sessions s ON s.id = n.sessionId
  WHERE n.blobId = ? AND p.state = 'staged' AND p.volumeId = ? AND min(s.lockedUntil, s.expiresAt) > ?
  ORDER BY min(s.lockedUntil, s.expiresAt) DESC LIMIT 1`

/** The session that makes a copy of the blob there, and whose lease lasts longest. */
function copierOf(tx: Transaction, blobId: StoredId, volumeId: StoredId): Copier | undefined {
  const row = tx.json<Copier>(COPIER).get(blobId, volumeId, tx.nowMs)
  return row && { ...row, sessionId: readJsonId(row.sessionId) }
}

function isWanted(tx: Transaction, blobId: StoredId): boolean {
  const row = tx
    .sql<{ readonly found: number }>(`SELECT ${WANTED} AS found FROM blobs b WHERE b.id = ?`)
    .get(blobId)
  return row?.found === 1
}

/** Transaction B of a further copy. */
export function commitCopy(tx: Transaction, input: CommitCopy): { readonly redundant: boolean } {
  const session = liveSession(tx, input.session)
  const pins = pinsOf(tx, storeId(session.id))
  const id = storeId(input.placement.id)
  const own = placementById(tx, id)
  if (own?.state !== 'staged' || !pins.some((pin) => pin.placementId === own.id))
    throw new MediaError(
      'MEDIA_LEASE_LOST',
      `sqlite: the session cannot commit: it no longer stages the placement ${input.placement.id}; start the copy again`,
      { reason: 'session-ended' },
    )
  const redundant = livesOn(tx, storeId(own.blobId), storeId(own.volumeId))
  const { storedBytes, etag } = input.placement
  tx.sql(
    'UPDATE placements SET state = ?, leftAt = ?, verifiedAt = ?, storedBytes = ?, etag = ? WHERE id = ?',
  ).run(
    redundant ? 'leaving' : 'live',
    redundant ? tx.nowMs : null,
    redundant ? null : tx.nowMs,
    storedBytes,
    etag ?? null,
    id,
  )
  tx.totals.addToVolume(own.volumeId, storedBytes, 1)
  closeSession(tx, session, pins)
  return { redundant }
}

function livesOn(tx: Transaction, blobId: StoredId, volumeId: StoredId): boolean {
  const row = tx
    .sql<{ readonly found: number }>(
      "SELECT EXISTS(SELECT 1 FROM placements WHERE blobId = ? AND volumeId = ? AND state = 'live') AS found",
    )
    .get(blobId, volumeId)
  return row?.found === 1
}
