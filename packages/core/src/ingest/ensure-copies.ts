import type { PlacementRecord } from '../contracts/catalog.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { IngestContext } from './context.ts'
import { copyBlob } from './copy.ts'
import { tellUpkeepFailed } from './upkeep-failed.ts'

export interface EnsuredCopies {
  /** Copies made now. */
  readonly made: number
  /** `thin`: fewer than wanted, a volume is away or full. `lost`: no good copy is within reach. */
  readonly outcome: 'enough' | 'thin' | 'lost'
}

/**
 * Brings a blob to `minCopies` live copies on home volumes of this host that are online. What a volume refuses is told as
 * an event and left to the next repair.
 * @throws the signal's reason
 */
export async function ensureCopies(
  context: IngestContext,
  blobId: string,
  placements: readonly PlacementRecord[],
  signal: AbortSignal | undefined,
): Promise<EnsuredCopies> {
  const holding = new Set(placements.filter(({ state }) => state === 'live').map(({ volumeId }) => volumeId))
  // A volume of another host counts as home there; a cache never counts.
  const counts = (id: string): boolean => context.volumes.byId(id)?.role !== 'cache'
  let live = [...holding].filter(counts).length
  let made = 0
  if (live >= context.minCopies) return { made, outcome: 'enough' }
  for (const volume of await context.volumes.onlineHomes()) {
    if (live >= context.minCopies) break
    if (holding.has(volume.id)) continue
    signal?.throwIfAborted()
    try {
      const outcome = await copyBlob(context, blobId, volume, { cause: 'repair', signal })
      if (outcome === 'unwanted') return { made, outcome: 'enough' }
      if (outcome === 'no-source') return { made, outcome: 'lost' }
      if (outcome === 'made') made++
      live++
    } catch (error) {
      signal?.throwIfAborted()
      if (!isMediaError(error)) throw error
      tellUpkeepFailed(context, 'copy', error)
    }
  }
  return { made, outcome: live >= context.minCopies ? 'enough' : 'thin' }
}
