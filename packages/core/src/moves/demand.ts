import { createGenerations } from './generations.ts'

/** Counts reads in a window for so many ids at most: which were read again a short while ago. */
export interface Demand {
  /** @returns reads within the window, this one included */
  read(id: string): number
  forget(id: string): void
}

interface Seen {
  count: number
  sinceMs: number
}

export function createDemand(options: {
  readonly windowMs: number
  readonly maxIds: number
  now(): number
}): Demand {
  const seenBefore = createGenerations<Seen>(options.maxIds)
  return {
    read(id) {
      const nowMs = options.now()
      const known = seenBefore.get(id)
      const isFresh =
        known !== undefined && nowMs >= known.sinceMs && nowMs - known.sinceMs < options.windowMs
      const seen: Seen = isFresh
        ? { count: known.count + 1, sinceMs: known.sinceMs }
        : { count: 1, sinceMs: nowMs }
      seenBefore.set(id, seen)
      return seen.count
    },
    forget: (id) => seenBefore.delete(id),
  }
}
