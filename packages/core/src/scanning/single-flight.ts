import { untilAbort } from '../time/interruption.ts'

/** One piece of work for all who ask for the same at once, in this process. */
export interface SingleFlight<T> {
  /** Whoever finds one under way takes its result. When that one fails, its bytes may have gone with whoever began it: each then works for itself. */
  run(key: string, work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T>
}

export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Promise<T>>()
  return {
    async run(key, work, signal) {
      const underWay = flights.get(key)
      if (underWay !== undefined) {
        try {
          return await untilAbort(underWay, signal)
        } catch {
          signal?.throwIfAborted()
        }
      }
      const mine = work()
      flights.set(key, mine)
      try {
        return await mine
      } finally {
        if (flights.get(key) === mine) flights.delete(key)
      }
    },
  }
}
