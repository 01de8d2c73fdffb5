import type { Clock } from '@mediakeep/core'
import { FETCHES_PER_PRINCIPAL, FETCHES_PER_SECOND, MAX_FETCH_PRINCIPALS } from '../defaults.ts'

export interface FetchBudgetOptions {
  /** Fetches that checks may start, a second, over all askers; five times as many at once. Default 50. */
  readonly perSecond?: number
  /** The same for one user, or for one address where nobody is signed in. Default 10. */
  readonly perPrincipal?: number
}

/** Keeps checks from being a way to make us pay: what may be fetched is asked for by few, a few at a time. */
export interface FetchBudget {
  /** Takes one fetch from both buckets, or from none. */
  take(asker: string): boolean
}

interface Bucket {
  tokens: number
  atMs: number
}

const BURST_SECONDS = 5

export function createFetchBudget(options: FetchBudgetOptions, clock: Clock): FetchBudget {
  const { perSecond = FETCHES_PER_SECOND, perPrincipal = FETCHES_PER_PRINCIPAL } = options
  const all: Bucket = { tokens: perSecond * BURST_SECONDS, atMs: clock.now() }
  const each = new Map<string, Bucket>()

  const fill = (bucket: Bucket, rate: number, nowMs: number): void => {
    const gained = (Math.max(nowMs - bucket.atMs, 0) / 1000) * rate
    bucket.tokens = Math.min(bucket.tokens + gained, rate * BURST_SECONDS)
    bucket.atMs = nowMs
  }
  return {
    take(name) {
      const nowMs = clock.now()
      const own = each.get(name) ?? { tokens: perPrincipal * BURST_SECONDS, atMs: nowMs }
      // Last in the map: those who came longest ago are first to go.
      each.delete(name)
      each.set(name, own)
      if (each.size > MAX_FETCH_PRINCIPALS)
        for (const oldest of each.keys()) {
          each.delete(oldest)
          break
        }
      fill(all, perSecond, nowMs)
      fill(own, perPrincipal, nowMs)
      if (all.tokens < 1 || own.tokens < 1) return false
      all.tokens -= 1
      own.tokens -= 1
      return true
    },
  }
}
