import type { GarbagePlan } from '../../contracts/catalog.ts'
import type { MemoryTables, PlacementRow } from './tables.ts'

/** What `condemnBlobs` and then `claimGarbage` would do now. */
export function planGarbage(tables: MemoryTables, graceMs: number, nowMs: number): GarbagePlan {
  let [objects, bytes] = [0, 0]
  for (const volume of tables.volumes.values()) {
    objects += volume.objects
    bytes += volume.storedBytes
  }
  for (const { owned, state, storedBytes } of tables.placements.values()) {
    if (owned || state === 'staged') continue
    objects -= 1
    bytes -= storedBytes
  }
  const waiting = new Set<PlacementRow>()
  const freeable = new Set<PlacementRow>()
  const note = (placement: PlacementRow, sinceMs: number): void => {
    if (!placement.owned) return
    waiting.add(placement)
    if (nowMs - sinceMs >= graceMs) freeable.add(placement)
  }
  for (const placement of tables.leaving) note(placement, placement.leavingSinceMs)
  let condemnable = 0
  for (const blob of tables.unreferenced) {
    if (blob.condemnedAtMs === undefined) condemnable += 1
    for (const placement of blob.placements) note(placement, blob.condemnedAtMs ?? nowMs)
  }
  return {
    hasMedia: tables.media.size > 0,
    objects,
    bytes,
    condemnable,
    waitingObjects: waiting.size,
    waitingBytes: bytesOf(waiting),
    freeableObjects: freeable.size,
    freeableBytes: bytesOf(freeable),
  }
}

function bytesOf(placements: Iterable<PlacementRow>): number {
  let bytes = 0
  for (const placement of placements) bytes += placement.storedBytes
  return bytes
}
