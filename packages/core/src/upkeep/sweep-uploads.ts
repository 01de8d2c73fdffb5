import type { SweepUploadsOptions } from '../contracts/object-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import type { UpkeepContext } from './context.ts'

/**
 * Ends uploads in parts that died on their way: their parts are no objects, so no list shows them, and they are paid for.
 * They are no garbage of the catalog: it never knew of them. One volume that fails does not keep the others from it.
 * @returns how many were ended
 */
export async function sweepUploads(
  context: UpkeepContext,
  online: ReadonlySet<string>,
  { olderThanMs, signal }: Pick<SweepUploadsOptions, 'olderThanMs' | 'signal'>,
): Promise<number> {
  let ended = 0
  for (const { id, role, store } of context.volumes.all) {
    // Uploads in a store that is not ours are its owner's.
    if (role === 'external' || !online.has(id) || store.sweepUploads === undefined) continue
    try {
      ended += await store.sweepUploads({
        olderThanMs,
        context: { cause: 'gc' },
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (error) {
      signal?.throwIfAborted()
      if (!isMediaError(error) || isMediaError(error, 'MEDIA_CLOSED')) throw error
      tellUpkeepFailed(context, 'sweep-uploads', error)
    }
  }
  return ended
}
