import type { MediaRecord } from '../contracts/catalog.ts'
import type { Availability } from '../contracts/media.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import type { Engine } from './engine.ts'

/** How long a volume that is offline is waited for before the next look. */
const OFFLINE_RETRY_MS = 5_000

/** What a reader would meet now. Asks the catalog and the volumes' markers, never for bytes. */
export async function availabilityOf(engine: Engine, record: MediaRecord | undefined): Promise<Availability> {
  if (record === undefined) return { state: 'missing' }
  const { content } = record
  switch (content.state) {
    case 'pending':
    case 'quarantined':
      return { state: 'held', reason: content.state }
    case 'rejected':
      return { state: 'missing' }
    case 'active':
      break
  }
  const there: ReachablePlacement[] = []
  let reason: string | undefined
  for (const reachable of engine.volumes.reachable(content.placements)) {
    const { volume } = reachable
    try {
      await volume.checkOnline()
    } catch (error) {
      if (!isMediaError(error)) throw error
      reason = error.reason ?? error.code
      continue
    }
    if (volume.serves) return { state: 'ready', tier: volume.tier, since: content.createdAt }
    there.push(reachable)
  }
  if (there.length === 0 && reason !== undefined)
    return { state: 'failed', retryAfterMs: OFFLINE_RETRY_MS, reason }
  return engine.tiers.coldAvailability(record, there)
}
