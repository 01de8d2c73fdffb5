import type { Call } from '../contracts/call.ts'
import type { SessionRecord } from '../contracts/catalog.ts'
import type { ExpireProgress } from '../contracts/media-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import type { Volume } from '../tiering/volume.ts'
import { objectPartials } from '../uploads/object-partials.ts'
import { decodeData } from '../uploads/upload-data.ts'
import { BATCH } from './batch.ts'
import { callCheck } from './call-check.ts'
import type { UpkeepContext } from './context.ts'

/** Ends sessions past their time, then removes what they left in staging. */
export async function* expire(context: UpkeepContext, { signal }: Call): AsyncGenerator<ExpireProgress> {
  const check = callCheck(context, signal)
  const total = { expiredSessions: 0, removedStagingFiles: 0 }
  for (;;) {
    check()
    const ended = await context.catalog.expireSessions({ limit: BATCH })
    total.expiredSessions += ended.length
    for (const session of ended) await endParts(context, session)
    if (ended.length < BATCH) break
    yield { ...total }
  }
  for (const volume of context.volumes.all) {
    const staging = stagingOf(context, volume, total.expiredSessions > 0)
    if (staging === undefined) continue
    try {
      await volume.checkOnline()
      total.removedStagingFiles += await staging.sweep((name) => context.catalog.isSessionLive(name))
    } catch (error) {
      // One volume that is away does not keep the others from it.
      if (!isMediaError(error) || isMediaError(error, 'MEDIA_CLOSED')) throw error
      tellUpkeepFailed(context, 'expire', error)
    }
  }
  yield { ...total }
}

/** Parts at a bucket that belonged to the session: no list of objects shows them, and they are paid for. */
async function endParts(context: UpkeepContext, { declared }: SessionRecord): Promise<void> {
  if (typeof declared['upload'] !== 'object') return
  const { direct, volumeId, completedAtMs } = decodeData(declared)
  if (direct?.parts === undefined || completedAtMs !== undefined) return
  const volume = context.volumes.byId(volumeId)
  if (volume?.store.directParts === undefined) return
  try {
    await volume.checkOnline()
    await volume.store.directParts.abort(direct.key, { context: { cause: 'gc' } })
  } catch (error) {
    if (!isMediaError(error) || isMediaError(error, 'MEDIA_CLOSED')) throw error
    tellUpkeepFailed(context, 'expire', error)
  }
}

/** Pieces that lie as objects are listed only where some may have been left: listing may be paid for. */
function stagingOf(
  { clock }: UpkeepContext,
  { role, store }: Volume,
  mayBeLeft: boolean,
): { sweep(keep: (name: string) => Promise<boolean>): Promise<number> } | undefined {
  if (store.staging !== undefined) return store.staging
  return role === 'home' && mayBeLeft ? objectPartials(store, { clock }) : undefined
}
