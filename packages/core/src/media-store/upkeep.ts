import type { Call } from '../contracts/call.ts'
import type { PlacementRecord } from '../contracts/catalog.ts'
import type { CollectOptions, ExpireProgress, GarbageProgress, Upkeep } from '../contracts/media-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import type { Engine } from './engine.ts'

const BATCH = 500

/** Upkeep by hand, and what the background rounds call. */
export function createUpkeep(engine: Engine): Upkeep {
  return {
    collectGarbage: (options = {}) => collectGarbage(engine, options),
    expire: (options = {}) => expire(engine, options),
  }
}

/**
 * Condemn what nothing refers to, then delete what was condemned long enough ago. Each decision is a catalog
 * transaction that looks again under its lock, so any number of processes may collect beside any number of uploads.
 */
async function* collectGarbage(
  engine: Engine,
  { graceMs, signal }: CollectOptions,
): AsyncGenerator<GarbageProgress> {
  const total = { condemned: 0, freedObjects: 0, freedBytes: 0 }
  for (let more = true; more; ) {
    signal?.throwIfAborted()
    engine.activity.checkOpen()
    const round = await engine.catalog.condemn({ limit: BATCH })
    total.condemned += round.condemned
    more = round.more
    yield { ...total }
  }
  const skipped = new Set<string>()
  for (;;) {
    signal?.throwIfAborted()
    engine.activity.checkOpen()
    const batch = await engine.catalog.claimGarbage({
      graceMs: graceMs ?? engine.garbageGraceMs,
      limit: BATCH + skipped.size,
    })
    const garbage = batch.filter(({ id }) => !skipped.has(id))
    if (garbage.length === 0) break
    const freed = await deleteBytes(engine, garbage, skipped)
    await engine.catalog.dropPlacements(freed.map(({ id }) => id))
    for (const placement of freed) {
      total.freedObjects++
      total.freedBytes += placement.storedBytes
    }
    yield { ...total }
  }
}

/** Deletes the bytes of each; those of volumes that are away, or that fail, wait for the next round. */
async function deleteBytes(
  engine: Engine,
  garbage: readonly PlacementRecord[],
  skipped: Set<string>,
): Promise<readonly PlacementRecord[]> {
  const freed: PlacementRecord[] = []
  for (const placement of garbage) {
    const volume = engine.volumes.byId(placement.volumeId)
    try {
      if (volume === undefined) {
        skipped.add(placement.id) // its own host collects it
        continue
      }
      await volume.checkOnline()
      await volume.store.delete(placement.key)
    } catch (error) {
      if (!isMediaError(error)) throw error
      skipped.add(placement.id)
      tellUpkeepFailed(engine, 'collect-garbage', error)
      continue
    }
    engine.cache.delete(placement.blobId)
    engine.memo.forget(placement.id)
    engine.emit({
      type: 'gc.freed',
      at: new Date(engine.clock.now()),
      volumeId: placement.volumeId,
      key: placement.key,
      sizeBytes: placement.storedBytes,
    })
    freed.push(placement)
  }
  return freed
}

async function* expire(engine: Engine, { signal }: Call): AsyncGenerator<ExpireProgress> {
  const total = { expiredSessions: 0, removedStagingFiles: 0 }
  for (;;) {
    signal?.throwIfAborted()
    engine.activity.checkOpen()
    const ended = await engine.catalog.expireSessions({ limit: BATCH })
    total.expiredSessions += ended.length
    if (ended.length < BATCH) break
    yield { ...total }
  }
  for (const volume of engine.volumes.all) {
    if (volume.store.staging === undefined) continue
    await volume.checkOnline()
    total.removedStagingFiles += await volume.store.staging.sweep((name) =>
      engine.catalog.isSessionLive(name),
    )
  }
  yield { ...total }
}

/** Rounds of upkeep in the background. What fails is told as an event and tried again next time. */
export function startRounds(engine: Engine, upkeep: Upkeep, intervalMs: number): () => Promise<void> {
  if (intervalMs === 0) return async () => {}
  let cancel = (): void => {}
  let stopped = false
  let round: Promise<void> = Promise.resolve()

  const run = async (): Promise<void> => {
    for (const [task, progress] of [
      ['expire', upkeep.expire()],
      ['collect-garbage', upkeep.collectGarbage()],
    ] as const) {
      try {
        for await (const _ of progress) if (stopped) return
      } catch (error) {
        if (stopped) return
        const unexpected = { code: 'MEDIA_UNAVAILABLE', message: 'unexpected failure' } as const
        tellUpkeepFailed(engine, task, isMediaError(error) ? error : unexpected)
      }
    }
  }
  const schedule = (): void => {
    cancel = engine.clock.after(intervalMs, () => {
      round = run().finally(() => {
        if (!stopped) schedule()
      })
    })
  }
  schedule()
  return async () => {
    stopped = true
    cancel()
    await round
  }
}
