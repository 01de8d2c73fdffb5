import { checkLeaveCopies, isKeptBy, standsIn } from '../../catalog/index.ts'
import type { Catalog } from '../../contracts/catalog.ts'
import { changePlacement } from './blobs.ts'
import type { MemoryTables, PlacementRow } from './tables.ts'

/** Each is judged by what the ones before it left. */
export function leaveCopies(
  tables: MemoryTables,
  placementIds: readonly string[],
  options: Parameters<Catalog['leaveCopies']>[1],
  nowMs: number,
): string[] {
  checkLeaveCopies(options)
  const left: string[] = []
  for (const id of placementIds) {
    const placement = tables.placements.get(id)
    if (placement === undefined || !standsIn(placement, undefined)) continue
    if (homesBeside(placement, options.homes) < options.keep) continue
    changePlacement(tables, placement, { state: 'leaving', leavingSinceMs: nowMs })
    left.push(id)
  }
  return left
}

function homesBeside({ blob, volumeId }: PlacementRow, homes: readonly string[]): number {
  const holding = new Set<string>()
  for (const one of blob.placements)
    if (one.volumeId !== volumeId && isKeptBy(one, blob.domain, homes)) holding.add(one.volumeId)
  return holding.size
}
