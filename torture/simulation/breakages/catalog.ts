import type { Catalog, MemoryTables, PlacementRecord } from '@mediakeep/core'

/** A collector that claims what was unused once, however it is used by now. */
export function claimingBlindly(catalog: Catalog, tables: MemoryTables, now: () => number): Catalog {
  const sinceMs = new Map<string, number>()
  return {
    ...catalog,
    async condemn(options) {
      for (const { id } of tables.unreferenced) if (!sinceMs.has(id)) sinceMs.set(id, now())
      return catalog.condemn(options)
    },
    async claimGarbage(options) {
      const claimed = new Map<string, PlacementRecord>()
      for (const [id, condemnedMs] of sinceMs) {
        if (now() - condemnedMs < options.graceMs) continue
        sinceMs.delete(id)
        for (const placement of tables.blobs.get(id)?.placements ?? []) {
          placement.state = 'leaving'
          tables.leaving.add(placement)
          const { key, volumeId, owned, state, storedBytes } = placement
          claimed.set(placement.id, {
            id: placement.id,
            blobId: id,
            key,
            volumeId,
            owned,
            state,
            storedBytes,
          })
        }
      }
      for (const placement of await catalog.claimGarbage(options)) claimed.set(placement.id, placement)
      return [...claimed.values()]
    },
  }
}
