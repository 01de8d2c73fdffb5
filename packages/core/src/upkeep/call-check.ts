import type { UpkeepContext } from './context.ts'

/**
 * What a step of upkeep asks before it does more: throws the signal's reason when the call is over.
 * @throws MediaError MEDIA_CLOSED once the store is closing.
 */
export function callCheck(
  { activity }: Pick<UpkeepContext, 'activity'>,
  signal: AbortSignal | undefined,
): () => void {
  return () => {
    signal?.throwIfAborted()
    activity.checkOpen()
  }
}
