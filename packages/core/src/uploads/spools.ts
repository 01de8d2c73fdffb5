import type { Clock } from '../contracts/clock.ts'
import type { Partials } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import type { Place } from '../tiering/places.ts'
import type { Volume } from '../tiering/volume.ts'
import type { Volumes } from '../tiering/volumes.ts'
import { objectPartials } from './object-partials.ts'

/** Where bodies that come in pieces lie until they are whole. */
export interface Spool {
  readonly volume: Volume
  readonly partials: Partials
}

export interface Spools {
  /** Beside the place that the body goes to, else on an unpaid volume that can hold pieces, else as objects of that place. */
  choose(places: readonly Place[]): Spool
  /** @throws MediaError MEDIA_UNAVAILABLE `volume-elsewhere` for a volume of another host; what its marker says */
  at(volumeId: string): Promise<Spool>
}

export function createSpools(volumes: Volumes, clock: Clock): Spools {
  const byObjects = new Map<string, Partials>()
  const spoolOf = (volume: Volume): Spool => {
    const known = volume.store.staging?.partials ?? byObjects.get(volume.id)
    if (known !== undefined) return { volume, partials: known }
    const partials = objectPartials(volume.store, { clock })
    byObjects.set(volume.id, partials)
    return { volume, partials }
  }
  const holdsPieces = ({ store }: Volume): boolean => store.staging?.partials !== undefined

  return {
    choose(places) {
      const beside = places.find(({ volume }) => holdsPieces(volume))?.volume
      const unpaid = volumes.all.find(
        (volume) =>
          volume.role === 'home' && volume.isOnline && !volume.store.traits.paid && holdsPieces(volume),
      )
      const volume = beside ?? unpaid ?? places[0]?.volume
      if (volume === undefined)
        throw new MediaError('MEDIA_UNAVAILABLE', 'no home volume', { reason: 'volume-offline' })
      return spoolOf(volume)
    },
    async at(volumeId) {
      const volume = volumes.byId(volumeId)
      if (volume === undefined)
        throw new MediaError(
          'MEDIA_UNAVAILABLE',
          'the bytes of this upload lie on a volume of another host',
          {
            reason: 'volume-elsewhere',
          },
        )
      await volume.checkOnline()
      return spoolOf(volume)
    },
  }
}
