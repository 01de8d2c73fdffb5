import type { MediaRecord } from '../contracts/catalog.ts'
import type { Availability } from '../contracts/media.ts'
import { isMediaError } from '../errors/media-error.ts'
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
  let reason = 'no-intact-copy'
  for (const { volume } of engine.volumes.reachable(content.placements)) {
    try {
      await volume.checkOnline()
      return { state: 'ready', tier: volume.tier, since: content.createdAt }
    } catch (error) {
      if (!isMediaError(error)) throw error
      reason = error.reason ?? error.code
    }
  }
  return { state: 'failed', retryAfterMs: OFFLINE_RETRY_MS, reason }
}
