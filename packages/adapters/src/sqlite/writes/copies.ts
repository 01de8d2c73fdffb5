import { type CommitCopy, MediaError, type StageCopy, type StagedCopy } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'
import { copiesOf } from '../reads/copies.ts'
import { WANTED } from '../reads/references.ts'
import { reviveBlob } from './blobs.ts'
import { pinsOf } from './pins.ts'
import { placementById } from './placements.ts'
import { beginSession, closeSession, liveSession } from './sessions.ts'
import { addStaged } from './stage.ts'

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
  const begun = beginSession(tx, input.session)
  if (begun.type === 'repeated') throw new Error('a session without idempotency key repeats no outcome')
  reviveBlob(tx, blobId)
  addStaged(tx, begun.session, blobId, { ...input, sizeBytes: blob.sizeBytes })
  return { type: 'staged', session: begun.session, blob }
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
