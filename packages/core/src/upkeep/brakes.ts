import type { GarbagePlan } from '../contracts/catalog.ts'
import { GC_BRAKE_OBJECTS, GC_BRAKE_ORPHANS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'

/**
 * Stops a collection that looks like a mistake (a lost catalog, a wrong database, a program that deleted everything)
 * before anything is deleted. Small stores have no brake of shares: there, a fifth is a normal day.
 * @throws MediaError MEDIA_CONFLICT `gc-brake`
 */
export function brake(
  { objects, waitingObjects, condemnable, hasMedia }: GarbagePlan,
  orphans: number,
  maxRatio: number,
): void {
  const going = Math.max(waitingObjects, condemnable) + orphans
  if (maxRatio >= 1) return
  // What a catalog without records never heard of is rather another catalog's than garbage, be it ever so little.
  if (!hasMedia && (orphans > 0 || going >= GC_BRAKE_OBJECTS))
    throw braked(`there is no record left, and ${going} objects would go; is this the right catalog?`)
  // No put has bytes without a row: so many are rather those of another catalog that was given the same place.
  if (orphans >= GC_BRAKE_ORPHANS && orphans > (objects + orphans) * maxRatio)
    throw braked(
      `${orphans} objects without a record would go, beside ${objects} with one; does another installation use this place?`,
    )
  if (going < GC_BRAKE_OBJECTS) return
  if (going > (objects + orphans) * maxRatio)
    throw braked(`${going} of ${objects + orphans} objects would go, more than ${maxRatio * 100} % at once`)
}

function braked(what: string): MediaError {
  return new MediaError('MEDIA_CONFLICT', `${what}; look at a dry run, then force it if that is right`, {
    reason: 'gc-brake',
    retryable: false,
  })
}
