import type { Call } from '../contracts/call.ts'
import type { ExpireProgress } from '../contracts/media-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
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
    if (ended.length < BATCH) break
    yield { ...total }
  }
  for (const volume of context.volumes.all) {
    if (volume.store.staging === undefined) continue
    try {
      await volume.checkOnline()
      total.removedStagingFiles += await volume.store.staging.sweep((name) =>
        context.catalog.isSessionLive(name),
      )
    } catch (error) {
      // One volume that is away does not keep the others from it.
      if (!isMediaError(error) || isMediaError(error, 'MEDIA_CLOSED')) throw error
      tellUpkeepFailed(context, 'expire', error)
    }
  }
  yield { ...total }
}
