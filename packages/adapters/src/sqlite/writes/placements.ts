import type { PlacementRecord, PlacementState } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { readId, type StoredId, storeId } from '../ids.ts'
import { addToVolume } from './volumes.ts'

export interface PlacementRow {
  readonly id: StoredId
  readonly blobId: StoredId
  readonly volumeId: StoredId
  readonly key: string
  readonly state: PlacementState
  readonly owned: number
  readonly storedBytes: number
  readonly etag: string | null
}

export const PLACEMENT_COLUMNS = 'id, blobId, volumeId, key, state, owned, storedBytes, etag'

export function placementOf(row: PlacementRow, state: PlacementState = row.state): PlacementRecord {
  return {
    id: readId(row.id),
    blobId: readId(row.blobId),
    volumeId: readId(row.volumeId),
    key: row.key,
    state,
    owned: row.owned === 1,
    storedBytes: row.storedBytes,
    ...(row.etag === null ? {} : { etag: row.etag }),
  }
}

export function placementById(tx: Transaction, id: StoredId): PlacementRow | undefined {
  return tx.sql<PlacementRow>(`SELECT ${PLACEMENT_COLUMNS} FROM placements WHERE id = ?`).get(id)
}

export function placementsOfBlob(tx: Transaction, blobId: StoredId): readonly PlacementRow[] {
  return tx.sql<PlacementRow>(`SELECT ${PLACEMENT_COLUMNS} FROM placements WHERE blobId = ?`).all(blobId)
}

/** Its bytes may go once the grace is over, counted from `leftAtMs`. A volume's sums count it until its row is dropped. */
export function leavePlacement(tx: Transaction, row: PlacementRow, leftAtMs: number): void {
  tx.sql("UPDATE placements SET state = 'leaving', leftAt = ? WHERE id = ?").run(leftAtMs, row.id)
  if (row.state === 'staged') addToVolume(tx, row.volumeId, row.storedBytes, 1)
}

/** A placement that is leaving already goes its way; any other is kept, and never served or reused. */
export function markBad(tx: Transaction, placementId: string): undefined {
  const row = placementById(tx, storeId(placementId))
  if (row === undefined || row.state === 'leaving' || row.state === 'bad') return undefined
  tx.sql("UPDATE placements SET state = 'bad' WHERE id = ?").run(row.id)
  if (row.state === 'staged') addToVolume(tx, row.volumeId, row.storedBytes, 1)
  return undefined
}
