import type { StagingWriter } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { graver, mayGoElsewhere, type Places } from '../tiering/places.ts'
import type { Volume } from '../tiering/volume.ts'
import type { IngestContext } from './context.ts'
import { openDirect } from './direct.ts'
import type { PutSession } from './session.ts'

/**
 * Room for a body that is too large for memory: beside the place it goes to, else beside an unpaid volume that has staging, else
 * straight to the place. Room on the volume is reserved first.
 * @throws what the nearest one says that may take it later, else what the nearest says
 */
export async function openStaging(
  context: IngestContext,
  session: PutSession,
  { places, failure: passedOver }: Pick<Places, 'places' | 'failure'>,
  declaredBytes: number | undefined,
  signal: AbortSignal | undefined,
): Promise<StagingWriter> {
  const stageOn = async (volume: Volume): Promise<StagingWriter | undefined> => {
    const { staging } = volume.store
    if (staging === undefined) return undefined
    await session.reserveOn(volume)
    return staging.create({
      name: session.id,
      ...(declaredBytes === undefined ? {} : { sizeBytes: declaredBytes }),
      ...(signal === undefined ? {} : { signal }),
    })
  }
  const spools = context.volumes.all.filter(
    ({ role, store }) => role === 'home' && !store.traits.paid && store.staging !== undefined,
  )
  let failure: unknown
  for (const { volume, cause } of places) {
    const beside = volume.store.staging !== undefined
    for (const on of beside ? [volume] : spools) {
      try {
        const writer = await stageOn(on)
        if (writer !== undefined) return writer
      } catch (error) {
        if (!mayGoElsewhere(error)) throw error
        failure = graver(failure, error)
      }
    }
    if (beside) continue
    try {
      if (session.begun() === undefined) await session.begin()
      return await openDirect(volume, cause, context.clock.now(), signal)
    } catch (error) {
      if (!mayGoElsewhere(error)) throw error
      failure = graver(failure, error)
    }
  }
  throw (
    graver(failure, passedOver) ??
    new MediaError('MEDIA_UNSUPPORTED', 'no volume has staging, and the body is too large for memory', {
      reason: 'no-staging',
    })
  )
}
