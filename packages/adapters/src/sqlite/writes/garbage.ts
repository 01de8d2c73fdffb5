import type { Catalog, PlacementRecord } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'
import { places } from '../reads/walk.ts'
import { dropUnneeded, isReferenced, reviveBlob } from './blobs.ts'
import {
  leavePlacement,
  placementById,
  placementsLeftBefore,
  placementsOfBlob,
  removePlacement,
} from './placements.ts'

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
  { graceMs, limit, volumeIds, kind = 'all' }: Parameters<Catalog['claimGarbage']>[0],
): readonly PlacementRecord[] {
  const before = tx.nowMs - graceMs
  const claimed = new Map<string, PlacementRecord>()
  for (const placement of placementsLeftBefore(tx, before, limit, volumeIds))
    claimed.set(placement.id, placement)
  for (const { id } of kind === 'all' ? condemnedBefore(tx, before, limit, volumeIds) : []) {
    if (claimed.size >= limit) break
    if (isReferenced(tx, id)) reviveBlob(tx, id)
    else claimBlob(tx, id, claimed, limit, volumeIds)
  }
  return [...claimed.values()]
}

/** Those that have something to claim, or no placement at all: what nobody can claim must not stand before the others. */
function condemnedBefore(
  tx: Transaction,
  atMs: number,
  limit: number,
  volumeIds: readonly string[] | undefined,
): readonly BlobRow[] {
  const onVolumes = volumeIds === undefined ? '' : ` AND p.volumeId IN ${places(volumeIds.length)}`
  return tx
    .sql<BlobRow>(
      `SELECT b.id AS id FROM blobs b WHERE b.state = 'condemned' AND b.condemnedAt <= ? AND (
         EXISTS(SELECT 1 FROM placements p WHERE p.blobId = b.id AND p.owned = 1${onVolumes})
         OR NOT EXISTS(SELECT 1 FROM placements p WHERE p.blobId = b.id))
       ORDER BY b.condemnedAt LIMIT ?`,
    )
    .all(atMs, ...(volumeIds ?? []).map(storeId), limit)
}

/** All that we own of a condemned blob, also what began to leave only lately: nothing can want it again. */
function claimBlob(
  tx: Transaction,
  id: StoredId,
  claimed: Map<string, PlacementRecord>,
  limit: number,
  volumeIds: readonly string[] | undefined,
): void {
  const placements = placementsOfBlob(tx, id)
  if (placements.length === 0) tx.sql('DELETE FROM blobs WHERE id = ?').run(id)
  for (const placement of placements) {
    if (!placement.owned || volumeIds?.includes(placement.volumeId) === false) continue
    if (claimed.size >= limit) return
    claimed.set(placement.id, placement.state === 'leaving' ? placement : leavePlacement(tx, placement))
  }
}

export function dropPlacements(tx: Transaction, ids: readonly string[]): undefined {
  for (const text of ids) {
    const placement = placementById(tx, storeId(text))
    // Nothing else has been claimed: a late or repeated call can drop no placement that is in use.
    if (placement?.state !== 'leaving') continue
    removePlacement(tx, placement)
    dropUnneeded(tx, storeId(placement.blobId))
  }
  return undefined
}
