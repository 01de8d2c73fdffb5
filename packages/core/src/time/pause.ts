import type { Clock } from '../contracts/clock.ts'
import { untilAbort } from './interruption.ts'

/** Resolves after `ms`; rejects with the signal's reason when that comes first. Leaves no timer. */
export async function pause(ms: number, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  let cancel = (): void => {}
  try {
    await untilAbort(
      new Promise<void>((resolve) => {
        cancel = clock.after(ms, resolve)
      }),
      signal,
    )
  } finally {
    cancel()
  }
}
