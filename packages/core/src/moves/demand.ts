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

/** Two generations of half the size: the older one goes as a whole, so that nothing is searched for. */
export function createDemand(options: {
  readonly windowMs: number
  readonly maxIds: number
  now(): number
}): Demand {
  const half = Math.max(1, Math.floor(options.maxIds / 2))
  let young = new Map<string, Seen>()
  let old = new Map<string, Seen>()
  return {
    read(id) {
      const nowMs = options.now()
      const known = young.get(id) ?? old.get(id)
      const isFresh =
        known !== undefined && nowMs >= known.sinceMs && nowMs - known.sinceMs < options.windowMs
      const seen: Seen = isFresh
        ? { count: known.count + 1, sinceMs: known.sinceMs }
        : { count: 1, sinceMs: nowMs }
      old.delete(id)
      young.set(id, seen)
      if (young.size > half) {
        old = young
        young = new Map()
      }
      return seen.count
    },
    forget(id) {
      young.delete(id)
      old.delete(id)
    },
  }
}
