import type { MediaRecord } from '../contracts/catalog.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellCorrupt } from '../ingest/tell-corrupt.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import type { Engine } from './engine.ts'

/**
 * Asks the stores of the copies that serve whether they are still there, and gives up those that are not: what `verify` would find,
 * for one media. A volume that cannot be asked, or is not the one it was, loses nothing.
 * @returns whether a copy was given up
 */
export async function recheckCopies(engine: Engine, { content }: MediaRecord): Promise<boolean> {
  let isChanged = false
  for (const one of engine.volumes.reachable(content.placements)) {
    if (!one.volume.serves || !one.placement.owned) continue
    if (await isThere(one)) continue
    // What the catalog says now counts: a copy that was evicted in the meantime is not damaged.
    const now = await engine.catalog.copiesOf(content.blobId)
    const copy = now?.placements.find(({ id }) => id === one.placement.id)
    if (copy?.state !== 'live') continue
    await engine.catalog.markBad(copy.id)
    engine.cache.delete(content.blobId)
    engine.memo.forget(copy.id)
    tellCorrupt(engine, copy)
    isChanged = true
  }
  if (isChanged) await engine.states.invalidate([content.blobId]).catch(() => {}) // others find out when what they know ends
  return isChanged
}

/** Only a volume that is there may say that an object is not. */
async function isThere({ placement, volume }: ReachablePlacement): Promise<boolean> {
  try {
    volume.doubt()
    await volume.checkOnline()
    return (await volume.store.head(placement.key)) !== undefined
  } catch (error) {
    if (!isMediaError(error)) throw error
    return true
  }
}
