import { decodeWalkCursor, encodeWalkCursor } from '../../catalog/index.ts'
import type { Catalog, PlacementRecord, RecheckedBlobs, WalkOptions } from '../../contracts/catalog.ts'
import { changePlacement, isUnneeded, removeBlob, removePlacement, settleUse } from './blobs.ts'
import { placementRecord } from './snapshots.ts'
import type { MemoryTables, PlacementRow } from './tables.ts'

/**
 * Condemn, wait, look again, delete. Blobs in use are never condemned and forgiven at once when used again,
 * so the second look is part of every call here.
 */
export function condemnBlobs(
  tables: MemoryTables,
  limit: number,
  nowMs: number,
): { readonly condemned: number; readonly more: boolean } {
  let condemned = 0
  for (const blob of tables.unreferenced) {
    if (blob.condemnedAtMs !== undefined) continue
    if (condemned >= limit) return { condemned, more: true }
    blob.condemnedAtMs = nowMs
    condemned += 1
  }
  return { condemned, more: false }
}

/** What is unreferenced is known from every change; this finds out again, blob by blob. */
export function recheckBlobs(tables: MemoryTables, { cursor, limit }: WalkOptions): RecheckedBlobs {
  let [last = 0] = decodeWalkCursor('blobs', 1, cursor)?.map(Number) ?? []
  const after = last
  let [checked, found] = [0, 0]
  for (const blob of tables.blobs.values()) {
    if (blob.order <= after) continue
    if (checked >= limit) return { checked, found, cursor: encodeWalkCursor('blobs', String(last)) }
    const wasKnown = tables.unreferenced.has(blob)
    settleUse(tables, blob)
    if (!wasKnown && tables.unreferenced.has(blob)) found += 1
    checked += 1
    last = blob.order
  }
  return { checked, found }
}

export function claimGarbage(
  tables: MemoryTables,
  { graceMs, limit, volumeIds, kind = 'all' }: Parameters<Catalog['claimGarbage']>[0],
  nowMs: number,
): PlacementRecord[] {
  const claimed = new Set<PlacementRow>()
  const isFull = (): boolean => claimed.size >= limit
  const isAsked = ({ owned, volumeId }: PlacementRow): boolean =>
    owned && (volumeIds === undefined || volumeIds.includes(volumeId))
  for (const placement of tables.leaving) {
    if (isFull()) break
    if (isAsked(placement) && nowMs - placement.leavingSinceMs >= graceMs) claimed.add(placement)
  }
  for (const blob of kind === 'all' ? tables.unreferenced : []) {
    if (isFull()) break
    if (blob.condemnedAtMs === undefined || nowMs - blob.condemnedAtMs < graceMs) continue
    if (blob.placements.size === 0) removeBlob(tables, blob)
    for (const placement of blob.placements) {
      if (!isAsked(placement) || isFull()) continue
      if (placement.state !== 'leaving') {
        changePlacement(tables, placement, { state: 'leaving', leavingSinceMs: nowMs })
      }
      claimed.add(placement)
    }
  }
  return [...claimed].map(placementRecord)
}

/** Only what is `leaving` goes: nothing else has been claimed. */
export function dropPlacements(tables: MemoryTables, ids: readonly string[]): void {
  for (const id of ids) {
    const placement = tables.placements.get(id)
    if (placement?.state !== 'leaving') continue
    removePlacement(tables, placement)
    if (isUnneeded(placement.blob)) removeBlob(tables, placement.blob)
  }
}
