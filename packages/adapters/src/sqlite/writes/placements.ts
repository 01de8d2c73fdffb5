import type { PlacementRecord, PlacementState } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { idAsJson, readJsonId, type StoredId, storeId } from '../ids.ts'
import { PLACEMENT_AS_JSON, type PlacementRow, placementOf } from '../reads/record.ts'

const SELECT = `SELECT json_array(${idAsJson('p.blobId')}, ${PLACEMENT_AS_JSON}) AS json FROM placements p`
// Whole texts, not put together at each call: looking a statement up by a new text means reading all of it.
const BY_ID = `${SELECT} WHERE p.id = ?`
const OF_BLOB = `${SELECT} WHERE p.blobId = ?`
const LEFT_BEFORE = `${SELECT} WHERE p.state = 'leaving' AND p.owned = 1 AND p.leftAt <= ? ORDER BY p.leftAt LIMIT ?`

type Selected = readonly [blobId: string, placement: PlacementRow]

function recordOfSelected([blobId, placement]: Selected): PlacementRecord {
  return placementOf(placement, readJsonId(blobId))
}

export function placementById(tx: Transaction, id: StoredId): PlacementRecord | undefined {
  const found = tx.json<Selected>(BY_ID).get(id)
  return found === undefined ? undefined : recordOfSelected(found)
}

export function placementsOfBlob(tx: Transaction, blobId: StoredId): readonly PlacementRecord[] {
  return tx.json<Selected>(OF_BLOB).all(blobId).map(recordOfSelected)
}

/** Whether any placement of the blob is live. */
export function isBlobLive(tx: Transaction, blobId: StoredId): boolean {
  const found = tx
    .sql<{ readonly found: number }>(
      "SELECT EXISTS(SELECT 1 FROM placements WHERE blobId = ? AND state = 'live') AS found",
    )
    .get(blobId)
  return found?.found === 1
}

/** Owned ones that began to leave at this time or before, longest ago first. */
export function placementsLeftBefore(
  tx: Transaction,
  atMs: number,
  limit: number,
): readonly PlacementRecord[] {
  return tx.json<Selected>(LEFT_BEFORE).all(atMs, limit).map(recordOfSelected)
}

/** Its bytes may go once the grace is over. A volume's sums count it until its row is dropped. */
export function leavePlacement(tx: Transaction, placement: PlacementRecord): PlacementRecord {
  const state: PlacementState = 'leaving'
  tx.sql('UPDATE placements SET state = ?, leftAt = ? WHERE id = ?').run(
    state,
    tx.nowMs,
    storeId(placement.id),
  )
  if (placement.state === 'staged') tx.totals.addToVolume(placement.volumeId, placement.storedBytes, 1)
  return { ...placement, state }
}

/** Only a live one is ever served or shared; one that is staged or leaving already goes its own way. */
export function markBad(tx: Transaction, placementId: string): undefined {
  tx.sql("UPDATE placements SET state = 'bad' WHERE id = ? AND state = 'live'").run(storeId(placementId))
  return undefined
}
