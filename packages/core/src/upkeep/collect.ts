import type { PlacementRecord } from '../contracts/catalog.ts'
import type { CollectOptions, GarbageProgress } from '../contracts/media-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import { BATCH } from './batch.ts'
import type { UpkeepContext } from './context.ts'

/**
 * Condemn what nothing refers to, then delete what was condemned long enough ago. Each decision is a catalog
 * transaction that looks again under its lock, so any number of processes may collect beside any number of uploads.
 */
export async function* collectGarbage(
  context: UpkeepContext,
  { graceMs, signal }: CollectOptions,
): AsyncGenerator<GarbageProgress> {
  const total = { condemned: 0, freedObjects: 0, freedBytes: 0 }
  for (let more = true; more; ) {
    signal?.throwIfAborted()
    context.activity.checkOpen()
    const round = await context.catalog.condemn({ limit: BATCH })
    total.condemned += round.condemned
    more = round.more
    yield { ...total }
  }
  const skipped = new Set<string>()
  for (;;) {
    signal?.throwIfAborted()
    context.activity.checkOpen()
    const batch = await context.catalog.claimGarbage({
      graceMs: graceMs ?? context.garbageGraceMs,
      limit: BATCH + skipped.size,
    })
    const garbage = batch.filter(({ id }) => !skipped.has(id))
    if (garbage.length === 0) break
    const freed = await deleteBytes(context, garbage, skipped)
    await context.catalog.dropPlacements(freed.map(({ id }) => id))
    for (const placement of freed) {
      total.freedObjects++
      total.freedBytes += placement.storedBytes
    }
    yield { ...total }
  }
}

/** Deletes the bytes of each; those of volumes that are away, or that fail, wait for the next round. */
async function deleteBytes(
  context: UpkeepContext,
  garbage: readonly PlacementRecord[],
  skipped: Set<string>,
): Promise<readonly PlacementRecord[]> {
  const freed: PlacementRecord[] = []
  for (const placement of garbage) {
    const volume = context.volumes.byId(placement.volumeId)
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
      tellUpkeepFailed(context, 'collect-garbage', error)
      continue
    }
    context.cache.delete(placement.blobId)
    context.memo.forget(placement.id)
    context.emit({
      type: 'gc.freed',
      at: new Date(context.clock.now()),
      volumeId: placement.volumeId,
      key: placement.key,
      sizeBytes: placement.storedBytes,
    })
    freed.push(placement)
  }
  return freed
}
