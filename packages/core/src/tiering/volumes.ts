import type { PlacementRecord } from '../contracts/catalog.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { Volume } from './volume.ts'

/** The volumes of this host, nearest first. */
export interface Volumes {
  readonly all: readonly Volume[]
  byId(id: string): Volume | undefined
  /** Home volumes that are online now, nearest first. */
  onlineHomes(): Promise<readonly Volume[]>
  /** Live placements that this host can reach, nearest first. */
  reachable(placements: readonly PlacementRecord[]): readonly ReachablePlacement[]
}

export interface ReachablePlacement {
  readonly placement: PlacementRecord
  readonly volume: Volume
}

export function createVolumes(all: readonly Volume[]): Volumes {
  const byId = new Map(all.map((volume) => [volume.id, volume]))
  const order = new Map(all.map((volume, index) => [volume.id, index]))
  return {
    all,
    byId: (id) => byId.get(id),
    async onlineHomes() {
      const homes: Volume[] = []
      for (const volume of all) {
        if (volume.role !== 'home') continue
        try {
          await volume.checkOnline()
          homes.push(volume)
        } catch (error) {
          if (!isMediaError(error)) throw error // told by the volume itself as an event
        }
      }
      return homes
    },
    reachable(placements) {
      // Nearly always one placement on one volume: nothing to sort.
      if (placements.length === 1) {
        const placement = placements[0] as PlacementRecord
        const volume = byId.get(placement.volumeId)
        return volume === undefined ? [] : [{ placement, volume }]
      }
      return placements
        .flatMap((placement) => {
          const volume = byId.get(placement.volumeId)
          return volume === undefined ? [] : [{ placement, volume }]
        })
        .sort((a, b) => (order.get(a.volume.id) ?? 0) - (order.get(b.volume.id) ?? 0))
    },
  }
}
