import { createMemoryTables, type MemoryTables, memoryCatalog } from '@mediakeep/core'
import { fakeClock } from '../clock.ts'
import type { CatalogHarness } from './harness.ts'

/** The kit on `memoryCatalog`, on a fake clock; handles share their tables. */
export function memoryCatalogHarness(): CatalogHarness {
  return {
    clock: 'fake',
    persists: true,
    create() {
      const clock = fakeClock()
      const tables = createMemoryTables()
      return {
        catalog: memoryCatalog({ clock, tables }),
        again: () => memoryCatalog({ clock, tables }),
        async advance(ms) {
          clock.advance(ms)
        },
        loseMarks: async () => loseMarks(tables),
        async leftovers() {
          const left = {
            blobs: tables.blobs.size,
            placements: tables.placements.size,
            sessions: tables.sessions.size,
          }
          return Object.entries(left).flatMap(([name, count]) =>
            count === 0 ? [] : [`${count} rows of ${name}`],
          )
        },
        async cleanup() {},
      }
    },
  }
}

/** As if no change had noted what it left without reference. */
export function loseMarks(tables: MemoryTables): void {
  for (const blob of tables.unreferenced) blob.condemnedAtMs = undefined
  tables.unreferenced.clear()
}
