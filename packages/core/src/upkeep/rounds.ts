import type { Upkeep } from '../contracts/media-store.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import type { UpkeepContext } from './context.ts'

/** Rounds of upkeep in the background. What fails is told as an event and tried again next time. */
export function startRounds(context: UpkeepContext, upkeep: Upkeep, intervalMs: number): () => Promise<void> {
  if (intervalMs === 0) return async () => {}
  let cancel = (): void => {}
  let stopped = false
  let round: Promise<void> = Promise.resolve()

  const run = async (): Promise<void> => {
    for (const [task, progress] of [
      ['expire', upkeep.expire()],
      ['collect-garbage', upkeep.collectGarbage()],
      ['compact-journals', upkeep.compactJournals()],
    ] as const) {
      try {
        for await (const _ of progress) if (stopped) return
      } catch (error) {
        if (stopped) return
        tellUpkeepFailed(context, task, toFailure(error))
      }
    }
  }
  const schedule = (): void => {
    cancel = context.clock.after(intervalMs, () => {
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
