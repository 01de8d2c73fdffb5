import type { Catalog } from '../contracts/catalog.ts'
import { createEvictionPolicy, type EvictionPolicy } from '../eviction/index.ts'
import { pagesOf } from '../pages.ts'
import type { Volume } from '../tiering/volume.ts'

/** Rows of one look at the catalog. */
const PAGE = 1_000

/** What each volume with a capacity would lose first, in memory: blobs by how they were read since this process began. */
export interface Heat {
  /** A read that the volume served. */
  read(volumeId: string, blobId: string): void
  came(volumeId: string, blobId: string, sizeBytes: number): void
  went(volumeId: string, blobId: string): void
  /** Learns what lies on the volume, once: what other processes and earlier ones wrote. */
  load(volumeId: string, signal?: AbortSignal): Promise<void>
  /** Blobs to lose for so many bytes, cheapest first, of those that may leave. */
  victims(volumeId: string, bytes: number, mayLeave?: (blobId: string) => boolean): readonly string[]
  /** Whether a blob is worth more than those that would have to go for it. */
  isWorthRoom(volumeId: string, blobId: string, sizeBytes: number): boolean
}

interface Watched {
  readonly policy: EvictionPolicy
  loading: Promise<void> | undefined
}

/** @param volumes those of a capacity are watched */
export function createHeat(catalog: Pick<Catalog, 'listCopies'>, volumes: readonly Volume[]): Heat {
  const watched = new Map<string, Watched>()
  for (const volume of volumes) {
    if (volume.capacityBytes === undefined) continue
    const policy = createEvictionPolicy({ capacityBytes: volume.capacityBytes, setting: volume.eviction })
    watched.set(volume.id, { policy, loading: undefined })
  }

  async function loadAll(policy: EvictionPolicy, volumeId: string, signal?: AbortSignal): Promise<void> {
    const pages = pagesOf((from) => {
      signal?.throwIfAborted()
      return catalog.listCopies({ volumeIds: [volumeId], limit: PAGE, ...from })
    })
    for await (const { copies } of pages)
      for (const { placement } of copies)
        if (placement.state === 'live' && !policy.has(placement.blobId))
          policy.insert(placement.blobId, placement.storedBytes)
  }

  return {
    read(volumeId, blobId) {
      watched.get(volumeId)?.policy.access(blobId)
    },
    came(volumeId, blobId, sizeBytes) {
      watched.get(volumeId)?.policy.insert(blobId, sizeBytes)
    },
    went(volumeId, blobId) {
      watched.get(volumeId)?.policy.remove(blobId)
    },
    async load(volumeId, signal) {
      const volume = watched.get(volumeId)
      if (volume === undefined) return
      volume.loading ??= loadAll(volume.policy, volumeId, signal).catch((error: unknown) => {
        volume.loading = undefined
        throw error
      })
      await volume.loading
    },
    victims(volumeId, bytes, mayLeave) {
      const volume = watched.get(volumeId)
      return volume === undefined ? [] : volume.policy.victims(bytes, mayLeave)
    },
    isWorthRoom(volumeId, blobId, sizeBytes) {
      const volume = watched.get(volumeId)
      return volume === undefined || volume.policy.admit(blobId, sizeBytes).admit
    },
  }
}
