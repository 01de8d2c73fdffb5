import type { PlacementRecord } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'
import { isReferenced, reviveBlob } from './blobs.ts'
import { leavePlacement, placementById, placementsLeftBefore, placementsOfBlob } from './placements.ts'

interface BlobRow {
  readonly id: StoredId
}

/** Judges blobs that lost a reference, and those condemned before. The index of both is small. */
export function condemn(
  tx: Transaction,
  { limit }: { readonly limit: number },
): { condemned: number; more: boolean } {
  const loose = tx.sql<BlobRow>("SELECT id FROM blobs WHERE state = 'loose' LIMIT ?").all(limit + 1)
  let condemned = 0
  for (const { id } of loose.slice(0, limit)) {
    if (isReferenced(tx, id)) reviveBlob(tx, id)
    else {
      tx.sql("UPDATE blobs SET state = 'condemned', condemnedAt = ? WHERE id = ?").run(tx.nowMs, id)
      condemned++
    }
  }
  const judged = tx
    .sql<BlobRow>("SELECT id FROM blobs WHERE state = 'condemned' ORDER BY condemnedAt LIMIT ?")
    .all(limit)
  for (const { id } of judged) if (isReferenced(tx, id)) reviveBlob(tx, id)
  return { condemned, more: loose.length > limit }
}

export function claimGarbage(
  tx: Transaction,
  { graceMs, limit }: { readonly graceMs: number; readonly limit: number },
): readonly PlacementRecord[] {
  const before = tx.nowMs - graceMs
  const claimed = new Map<string, PlacementRecord>()
  for (const placement of placementsLeftBefore(tx, before, limit)) claimed.set(placement.id, placement)
  const blobs = tx
    .sql<BlobRow>(
      "SELECT id FROM blobs WHERE state = 'condemned' AND condemnedAt <= ? ORDER BY condemnedAt LIMIT ?",
    )
    .all(before, limit)
  for (const { id } of blobs) {
    if (claimed.size >= limit) break
    if (isReferenced(tx, id)) reviveBlob(tx, id)
    else claimBlob(tx, id, claimed, limit)
  }
  return [...claimed.values()]
}

/** All that we own of a condemned blob, also what began to leave only lately: nothing can want it again. */
function claimBlob(
  tx: Transaction,
  id: StoredId,
  claimed: Map<string, PlacementRecord>,
  limit: number,
): void {
  const placements = placementsOfBlob(tx, id)
  if (placements.length === 0) tx.sql('DELETE FROM blobs WHERE id = ?').run(id)
  for (const placement of placements) {
    if (!placement.owned) continue
    if (claimed.size >= limit) return
    claimed.set(placement.id, placement.state === 'leaving' ? placement : leavePlacement(tx, placement))
  }
}

export function dropPlacements(tx: Transaction, ids: readonly string[]): undefined {
  for (const text of ids) {
    const placement = placementById(tx, storeId(text))
    // Nothing else has been claimed: a late or repeated call can drop no placement that is in use.
    if (placement?.state !== 'leaving') continue
    tx.sql('DELETE FROM placements WHERE id = ?').run(storeId(text))
    tx.totals.addToVolume(placement.volumeId, -placement.storedBytes, -1)
    const blobId = storeId(placement.blobId)
    const left = tx
      .sql<{ readonly found: number }>('SELECT EXISTS(SELECT 1 FROM placements WHERE blobId = ?) AS found')
      .get(blobId)
    if (left?.found === 0 && !isReferenced(tx, blobId)) tx.sql('DELETE FROM blobs WHERE id = ?').run(blobId)
  }
  return undefined
}
