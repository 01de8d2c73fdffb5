import { idTimeMs } from '../bytes/id.ts'
import type { MediaRecord, PlacementRecord } from '../contracts/catalog.ts'
import type { Availability } from '../contracts/media.ts'
import { LAST_READS } from '../defaults.ts'
import { leavesAtAge } from '../tiering/rules.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import type { TierContext } from './context.ts'
import { createGenerations } from './generations.ts'

export interface Ready {
  read(blobId: string): void
  /** What is told of a media that a tier serves. */
  of(record: MediaRecord, from: ReachablePlacement): Availability
}

export function createReady({
  clock,
  volumes,
  options,
}: Pick<TierContext, 'clock' | 'volumes' | 'options'>): Ready {
  const rules = options.rules ?? []
  const serving = new Set(volumes.all.filter(({ serves }) => serves).map(({ tier }) => tier))
  const hasAges = rules.some(({ match }) => match.olderThanMs !== undefined)
  const tiersOf = (placements: readonly PlacementRecord[]): ReadonlySet<string> =>
    new Set(placements.flatMap(({ volumeId }) => volumes.byId(volumeId)?.tier ?? []))
  const lastReads = createGenerations<number>(LAST_READS)
  return {
    read: (blobId) => lastReads.set(blobId, clock.now()),
    of({ namespace, owner, content }, { volume, placement }) {
      const { blobId, contentType, sizeBytes, createdAt } = content
      const lastReadMs = lastReads.get(blobId)
      const facts = { namespace, owner, contentType, sizeBytes }
      const leavesAtMs = hasAges
        ? leavesAtAge(rules, facts, { serving, held: tiersOf(content.placements) })
        : undefined
      return {
        state: 'ready',
        tier: volume.tier,
        // A copy is made before its record, or later, when it was loaded; its id tells when.
        since: new Date(Math.max(createdAt.getTime(), idTimeMs(placement.id))),
        ...(lastReadMs === undefined ? {} : { lastReadAt: new Date(lastReadMs) }),
        ...(leavesAtMs === undefined ? {} : { until: new Date(createdAt.getTime() + leavesAtMs) }),
      }
    },
  }
}
