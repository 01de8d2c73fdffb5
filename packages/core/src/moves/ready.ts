import { idTimeMs } from '../bytes/id.ts'
import type { MediaRecord, PlacementRecord } from '../contracts/catalog.ts'
import type { Availability } from '../contracts/media.ts'
import { LAST_READS } from '../defaults.ts'
import { leavesAtAge } from '../tiering/rules.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import type { TierContext } from './context.ts'

export interface Ready {
  read(blobId: string): void
  /** What is told of a media that a tier serves. */
  of(record: MediaRecord, from: ReachablePlacement): Availability
}

/** When blobs were read last, of so many at most. Two generations of half of them: the older one goes as a whole. */
export function createLastReads(maxBlobs: number): {
  read(blobId: string, atMs: number): void
  of(blobId: string): number | undefined
} {
  let young = new Map<string, number>()
  let old = new Map<string, number>()
  return {
    read(blobId, atMs) {
      young.set(blobId, atMs)
      if (young.size <= maxBlobs / 2) return
      old = young
      young = new Map()
    },
    of: (blobId) => young.get(blobId) ?? old.get(blobId),
  }
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
  const lastReads = createLastReads(LAST_READS)
  return {
    read: (blobId) => lastReads.read(blobId, clock.now()),
    of({ namespace, owner, content }, { volume, placement }) {
      const { blobId, contentType, sizeBytes, createdAt } = content
      const lastReadMs = lastReads.of(blobId)
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
