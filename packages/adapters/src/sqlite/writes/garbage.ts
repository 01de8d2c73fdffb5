import type { PlacementRecord } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'
import { isReferenced, reviveBlob } from './blobs.ts'
import {
  leavePlacement,
  PLACEMENT_COLUMNS,
  type PlacementRow,
  placementById,
  placementOf,
  placementsOfBlob,
} from './placements.ts'
import { addToVolume } from './volumes.ts'

interface BlobRow {
  readonly id: StoredId
  readonly condemnedAt: number | null
}

/** Judges blobs that lost a reference, and those condemned before. The index of both is small. */
export function condemn(
  tx: Transaction,
  { limit }: { readonly limit: number },
): { condemned: number; more: boolean } {
  const loose = tx
    .sql<BlobRow>("SELECT id, condemnedAt FROM blobs WHERE state = 'loose' LIMIT ?")
    .all(limit + 1)
  let condemned = 0
  for (const { id } of loose.slice(0, limit)) {
    if (isReferenced(tx, id)) reviveBlob(tx, id)
    else {
      tx.sql("UPDATE blobs SET state = 'condemned', condemnedAt = ? WHERE id = ?").run(tx.nowMs, id)
      condemned++
    }
  }
  const judged = tx
    .sql<BlobRow>("SELECT id, condemnedAt FROM blobs WHERE state = 'condemned' ORDER BY condemnedAt LIMIT ?")
    .all(limit)
  for (const { id } of judged) if (isReferenced(tx, id)) reviveBlob(tx, id)
  return { condemned, more: loose.length > limit }
}

export function claimGarbage(
  tx: Transaction,
  { graceMs, limit }: { readonly graceMs: number; readonly limit: number },
): readonly PlacementRecord[] {
  const before = tx.nowMs - graceMs
  const claimed = tx
    .sql<PlacementRow>(
      `SELECT ${PLACEMENT_COLUMNS} FROM placements WHERE state = 'leaving' AND owned = 1 AND leftAt <= ? ORDER BY leftAt LIMIT ?`,
    )
    .all(before, limit)
    .map((row) => placementOf(row))
  if (claimed.length >= limit) return claimed
  const blobs = tx
    .sql<BlobRow>(
      "SELECT id, condemnedAt FROM blobs WHERE state = 'condemned' AND condemnedAt <= ? ORDER BY condemnedAt LIMIT ?",
    )
    .all(before, limit - claimed.length)
  for (const { id, condemnedAt } of blobs) {
    if (isReferenced(tx, id)) {
      reviveBlob(tx, id)
      continue
    }
    const placements = placementsOfBlob(tx, id)
    if (placements.length === 0) tx.sql('DELETE FROM blobs WHERE id = ?').run(id)
    for (const row of placements) {
      if (row.owned !== 1 || row.state === 'leaving') continue
      // Since the condemnation: whoever claims again after a crash finds them at once.
      leavePlacement(tx, row, condemnedAt ?? before)
      claimed.push(placementOf(row, 'leaving'))
    }
  }
  return claimed
}

export function dropPlacements(tx: Transaction, ids: readonly string[]): undefined {
  for (const text of ids) {
    const row = placementById(tx, storeId(text))
    // A live placement is never dropped by a late or repeated call.
    if (row === undefined || row.state === 'live') continue
    tx.sql('DELETE FROM placements WHERE id = ?').run(row.id)
    if (row.state !== 'staged') addToVolume(tx, row.volumeId, -row.storedBytes, -1)
    const left = tx
      .sql<{ readonly found: number }>('SELECT EXISTS(SELECT 1 FROM placements WHERE blobId = ?) AS found')
      .get(row.blobId)
    if (left?.found === 0 && !isReferenced(tx, row.blobId))
      tx.sql('DELETE FROM blobs WHERE id = ?').run(row.blobId)
  }
  return undefined
}
