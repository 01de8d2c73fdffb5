import type { Upkeep } from '../contracts/media-store.ts'
import { collectGarbage } from './collect.ts'
import { compactJournals } from './compact-journals.ts'
import type { UpkeepContext } from './context.ts'
import { expire } from './expire.ts'
import { rebuildCatalog } from './rebuild.ts'
import { repair } from './repair.ts'
import { scan } from './scan.ts'
import { verify } from './verify.ts'

export { startRounds } from './rounds.ts'

/** Upkeep by hand, and what the background rounds call. */
export function createUpkeep(context: UpkeepContext): Upkeep {
  const compactedBytes = new Map<string, number>()
  return {
    collectGarbage: (options = {}) => collectGarbage(context, options),
    expire: (options = {}) => expire(context, options),
    compactJournals: (options = {}) => compactJournals(context, options, compactedBytes),
    verify: (options = {}) => verify(context, options),
    scan: (options = {}) => scan(context, options),
    repair: (options = {}) => repair(context, options),
    rebuildCatalog: (options = {}) => rebuildCatalog(context, options),
  }
}
