import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createMediaStore, type MediaStore, systemClock } from '@mediakeep/core'
import { LIMITS } from '../writers/bodies.ts'

const DAY_MS = 86_400_000

/** The folder of `openMediaStore` days later: every session is past its time, every leftover old enough to be swept. */
export function openLater(folder: string, days = 1): Promise<MediaStore> {
  const clock = { ...systemClock, now: () => Date.now() + days * DAY_MS }
  return createMediaStore({
    clock,
    catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite'), clock }),
    tiers: [{ name: 'disk', store: fsStore({ root: join(folder, 'volume'), sweepAfterMs: 0, clock }) }],
    limits: LIMITS,
    upkeep: { intervalMs: 0 },
  })
}
