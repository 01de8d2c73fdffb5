import type { MediaRecord } from '../contracts/catalog.ts'
import type { Availability } from '../contracts/media.ts'
import type { MediaPlace } from '../contracts/media-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import type { Engine } from './engine.ts'

/** How long a volume that is offline is waited for before the next look. */
const OFFLINE_RETRY_MS = 5_000

/** What a reader would meet now. */
export async function availabilityOf(engine: Engine, record: MediaRecord | undefined): Promise<Availability> {
  return record === undefined ? { state: 'missing' } : (await whereIs(engine, record)).availability
}

interface Whereabouts {
  readonly availability: Availability
  /** Where it serves from. */
  readonly place?: MediaPlace
}

/**
 * What a reader would meet now, and where. Asks the catalog and the volumes' markers, never for bytes.
 * @param statesUntilMs when shared states are waited for no longer
 */
export async function whereIs(
  engine: Engine,
  record: MediaRecord,
  statesUntilMs?: number,
): Promise<Whereabouts> {
  const { content } = record
  switch (content.state) {
    case 'pending':
    case 'quarantined':
      return { availability: { state: 'held', reason: content.state } }
    case 'rejected':
      return { availability: { state: 'missing' } }
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
    if (volume.serves) {
      const { tier, id: volumeId } = volume
      return {
        availability: engine.tiers.readyAvailability(record, reachable),
        place: { volumeId, tier, objectKey: reachable.placement.key },
      }
    }
    there.push(reachable)
  }
  if (there.length === 0 && reason !== undefined)
    return { availability: { state: 'failed', retryAfterMs: OFFLINE_RETRY_MS, reason } }
  return { availability: await engine.tiers.coldAvailability(record, there, statesUntilMs) }
}
