import type { Transaction } from '../database.ts'
import { idAsJson, readJsonId, type StoredId, storeId } from '../ids.ts'

/** Stands for no placement in the key of a pin; one byte, because a driver may take an empty blob for NULL. */
const ONLY_THE_BLOB: Uint8Array = Uint8Array.of(0)
/** How it reads as JSON. */
const ONLY_THE_BLOB_JSON = '00'

const OF_SESSION = `SELECT json_array(${idAsJson('blobId')}, ${idAsJson('placementId')}) AS json FROM pins WHERE sessionId = ?`

export interface PinRow {
  readonly blobId: string
  /** Absent where only the blob is pinned. */
  readonly placementId?: string
}

export function addPin(
  tx: Transaction,
  sessionId: StoredId,
  blobId: StoredId,
  placementId: StoredId = ONLY_THE_BLOB,
): void {
  tx.sql('INSERT OR IGNORE INTO pins(sessionId, blobId, placementId) VALUES (?, ?, ?)').run(
    sessionId,
    blobId,
    placementId,
  )
}

export function pinsOf(tx: Transaction, sessionId: StoredId): readonly PinRow[] {
  const rows = tx.json<readonly [blobId: string, placementId: string]>(OF_SESSION).all(sessionId)
  return rows.map(([blobId, placementId]) => ({
    blobId: readJsonId(blobId),
    ...(placementId === ONLY_THE_BLOB_JSON ? {} : { placementId: readJsonId(placementId) }),
  }))
}

/** Removes this one pin. @returns false when the session does not hold it. */
export function takePin(
  tx: Transaction,
  sessionId: StoredId,
  blobId: StoredId,
  placementId: string,
): boolean {
  const taken = tx
    .sql('DELETE FROM pins WHERE sessionId = ? AND blobId = ? AND placementId = ?')
    .run(sessionId, blobId, storeId(placementId))
  return taken.changes > 0
}

export function removePins(tx: Transaction, sessionId: StoredId): void {
  tx.sql('DELETE FROM pins WHERE sessionId = ?').run(sessionId)
}
