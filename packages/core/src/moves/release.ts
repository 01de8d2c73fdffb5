import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import { graceOn, type Volume } from '../tiering/volume.ts'
import type { TierContext } from './context.ts'

const BATCH = 64

/**
 * Deletes the bytes of copies that were told to leave a volume, those that left long enough ago. What fails waits for the
 * next time, or for garbage collection.
 */
export async function freeLeaving(
  context: TierContext,
  volume: Volume,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { catalog, clock } = context
  for (;;) {
    signal?.throwIfAborted()
    const claimed = await catalog.claimGarbage({
      graceMs: graceOn(volume, context.options.evictGraceMs ?? 0),
      limit: BATCH,
      volumeIds: [volume.id],
      kind: 'leaving',
    })
    if (claimed.length === 0) return
    const gone: string[] = []
    try {
      await volume.checkOnline()
      for (const placement of claimed) {
        await volume.store.delete(placement.key, { context: { cause: 'demote' } })
        gone.push(placement.id)
        context.memo.forget(placement.id)
        context.use.changed(volume.id, -placement.storedBytes)
        context.emit({
          type: 'gc.freed',
          at: new Date(clock.now()),
          volumeId: volume.id,
          key: placement.key,
          sizeBytes: placement.storedBytes,
        })
      }
    } catch (error) {
      if (!isMediaError(error)) throw error
      tellUpkeepFailed(context, 'evict', error)
    }
    await catalog.dropPlacements(gone)
    if (gone.length > 0) context.use.freed(volume.id)
    if (gone.length < claimed.length) return
  }
}

/**
 * Lets copies go of which others are kept on home volumes.
 * @returns how many of them leave now
 */
export async function letLeave(
  context: TierContext,
  placementIds: readonly string[],
): Promise<readonly string[]> {
  if (placementIds.length === 0) return []
  return context.catalog.leaveCopies(placementIds, {
    homes: await context.homeIds(),
    keep: context.minCopies,
  })
}
