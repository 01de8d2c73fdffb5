import { checkLeaveCopies, mayLeave, standsIn } from '../../catalog/index.ts'
import type { Catalog } from '../../contracts/catalog.ts'
import { changePlacement } from './blobs.ts'
import type { MemoryTables } from './tables.ts'

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
    const { blob } = placement
    if (!mayLeave(placement, blob.placements, blob.domain, options)) continue
    changePlacement(tables, placement, { state: 'leaving', leavingSinceMs: nowMs })
    left.push(id)
  }
  return left
}
