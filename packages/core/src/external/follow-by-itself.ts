import type { ObjectHint } from '../contracts/tiering.ts'
import { DEFAULT_NAMESPACE, FOLLOW_RETRY_MAX_MS, FOLLOW_RETRY_MS } from '../defaults.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import type { TierOptions } from '../tiering/tier.ts'
import { pause } from '../time/pause.ts'
import type { ExternalContext } from './context.ts'
import type { External } from './index.ts'

/**
 * Follows the hints of every tier that has some, in the background: of an external one for changes, of any other for uploads that came. A source that ends or fails is asked anew, after a
 * pause that doubles until it holds; what ended it is told as an event.
 * @returns how to stop: resolves when nothing is under way any more
 */
export function followByItself(
  context: Pick<ExternalContext, 'clock' | 'emit'>,
  external: Pick<External, 'followHints'>,
  followArrivals: (hints: AsyncIterable<ObjectHint>, signal: AbortSignal) => Promise<void>,
  tiers: readonly TierOptions[],
): () => Promise<void> {
  const stopping = new AbortController()
  const following = tiers.flatMap(({ name, hints, imports }) =>
    hints === undefined
      ? []
      : [
          followOne(context, stopping.signal, (signal) =>
            imports === undefined
              ? followArrivals(hints({ signal }), signal)
              : external.followHints(imports.namespace ?? DEFAULT_NAMESPACE, hints({ signal }), {
                  tier: name,
                  signal,
                }),
          ),
        ],
  )
  return async () => {
    stopping.abort(new Error('the store is closing'))
    await Promise.all(following)
  }
}

async function followOne(
  context: Pick<ExternalContext, 'clock' | 'emit'>,
  signal: AbortSignal,
  follow: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const { clock } = context
  let waitMs = FOLLOW_RETRY_MS
  while (!signal.aborted) {
    const begunMs = clock.now()
    try {
      await inRound(signal, follow)
    } catch (error) {
      if (signal.aborted) return
      tellUpkeepFailed(context, 'follow', toFailure(error))
    }
    // It held for a while: what ended it now is another story.
    if (clock.now() - begunMs > FOLLOW_RETRY_MAX_MS) waitMs = FOLLOW_RETRY_MS
    await pause(waitMs, clock, signal).catch(() => {}) // stopped: the loop sees it
    waitMs = Math.min(waitMs * 2, FOLLOW_RETRY_MAX_MS)
  }
}

/**
 * What ends a round may be none of its source's doing, and a source that waits for a hint hears of nothing but its signal: its
 * connection would stay beside that of the next round.
 */
async function inRound(stopped: AbortSignal, follow: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const round = new AbortController()
  const stop = (): void => round.abort(stopped.reason)
  stopped.addEventListener('abort', stop, { once: true })
  try {
    await follow(round.signal)
  } finally {
    stopped.removeEventListener('abort', stop)
    round.abort(new Error('the hints have ended'))
  }
}
