import type { Call } from '../contracts/call.ts'
import type { ExpireProgress } from '../contracts/media-store.ts'
import { BATCH } from './batch.ts'
import type { UpkeepContext } from './context.ts'

/** Ends sessions past their time, then removes what they left in staging. */
export async function* expire(context: UpkeepContext, { signal }: Call): AsyncGenerator<ExpireProgress> {
  const total = { expiredSessions: 0, removedStagingFiles: 0 }
  for (;;) {
    signal?.throwIfAborted()
    context.activity.checkOpen()
    const ended = await context.catalog.expireSessions({ limit: BATCH })
    total.expiredSessions += ended.length
    if (ended.length < BATCH) break
    yield { ...total }
  }
  for (const volume of context.volumes.all) {
    if (volume.store.staging === undefined) continue
    await volume.checkOnline()
    total.removedStagingFiles += await volume.store.staging.sweep((name) =>
      context.catalog.isSessionLive(name),
    )
  }
  yield { ...total }
}
