import type { PlacementRecord, PlacementState } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { idAsJson, readId, readJsonId, type StoredId, storeId } from '../ids.ts'
import { PLACEMENT_AS_JSON, type PlacementRow, placementOf } from '../reads/record.ts'

const SELECT = `SELECT json_array(${idAsJson('p.blobId')}, ${PLACEMENT_AS_JSON}) AS json FROM placements p`
// Whole texts, not put together at each call: looking a statement up by a new text means reading all of it.
const BY_ID = `${SELECT} WHERE p.id = ?`
const OF_BLOB = `${SELECT} WHERE p.blobId = ?`
const LEFT_BEFORE = `${SELECT} WHERE p.state = 'leaving' AND p.owned = 1 AND p.leftAt <= ? ORDER BY p.leftAt LIMIT ?`
const LEFT_BEFORE_ON = `${SELECT} WHERE p.state = 'leaving' AND p.owned = 1 AND p.volumeId = ? AND p.leftAt <= ?
  ORDER BY p.leftAt LIMIT ?`
const LIVE_OF_BLOB = "SELECT volumeId, owned FROM placements WHERE blobId = ? AND state = 'live'"

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

/** What is asked of live placements of a blob before each commit, in few columns. Mostly there are none. */
export function livePlacementsOf(
  tx: Transaction,
  blobId: StoredId,
): readonly Pick<PlacementRecord, 'state' | 'owned' | 'volumeId'>[] {
  return tx
    .sql<{ readonly volumeId: StoredId; readonly owned: number }>(LIVE_OF_BLOB)
    .all(blobId)
    .map(({ volumeId, owned }) => ({ state: 'live', owned: owned === 1, volumeId: readId(volumeId) }))
}

/** Owned ones that began to leave at this time or before, longest ago first on each volume. */
export function placementsLeftBefore(
  tx: Transaction,
  atMs: number,
  limit: number,
  volumeIds: readonly string[] | undefined,
): readonly PlacementRecord[] {
  if (volumeIds === undefined) return tx.json<Selected>(LEFT_BEFORE).all(atMs, limit).map(recordOfSelected)
  const found: PlacementRecord[] = []
  for (const volumeId of new Set(volumeIds)) {
    const rows = tx.json<Selected>(LEFT_BEFORE_ON).all(storeId(volumeId), atMs, limit - found.length)
    found.push(...rows.map(recordOfSelected))
  }
  return found
}

/** Removes the row of one that is not `staged`. */
export function removePlacement(
  tx: Transaction,
  { id, volumeId, storedBytes }: Pick<PlacementRecord, 'id' | 'volumeId' | 'storedBytes'>,
): void {
  tx.sql('DELETE FROM placements WHERE id = ?').run(storeId(id))
  tx.totals.addToVolume(volumeId, -storedBytes, -1)
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
