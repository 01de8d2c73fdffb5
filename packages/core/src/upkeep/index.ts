import type { Upkeep } from '../contracts/media-store.ts'
import { collectGarbage } from './collect.ts'
import type { UpkeepContext } from './context.ts'
import { expire } from './expire.ts'

export { startRounds } from './rounds.ts'

/** Upkeep by hand, and what the background rounds call. */
export function createUpkeep(context: UpkeepContext): Upkeep {
  return {
    collectGarbage: (options = {}) => collectGarbage(context, options),
    expire: (options = {}) => expire(context, options),
  }
}
