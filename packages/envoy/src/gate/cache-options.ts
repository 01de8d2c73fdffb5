import {
  CACHE_BYTES,
  CACHE_ENTRIES,
  CACHE_MISSING,
  FAILED_TTL_MS,
  LOADING_TTL_MS,
  LOOK_TIMEOUT_MS,
  MISSING_TTL_MS,
  READY_TTL_MS,
  STALE_MS,
} from '../defaults.ts'

export interface DecisionCacheOptions {
  /** Names known to be there. Default 20,000. */
  readonly maxEntries?: number
  /** Memory they may take, about. Default 128 MiB. */
  readonly maxBytes?: number
  /** Names known to be missing, which have room of their own. Default 10,000. */
  readonly maxMissing?: number
  /** How long an answer is believed that nobody told to have changed. Default 5 s. */
  readonly readyTtlMs?: number
  /** Default 1 s, and never longer than half of the wait it tells. */
  readonly loadingTtlMs?: number
  /** Default 5 s. */
  readonly missingTtlMs?: number
  /** Of media that fail, wait for a fetch or are held back. Default 1 s. */
  readonly failedTtlMs?: number
  /** How old the last known answer may be when nobody can be asked; 0: none is given. Never of a missing one. Default 30 s. */
  readonly staleMs?: number
  /** How long a look may take. Default 100 ms. */
  readonly lookTimeoutMs?: number
}

export type CacheSettings = Required<DecisionCacheOptions>

/** @param options `false`: every check looks; looks of one name at one time are still one */
export function cacheSettings(options: DecisionCacheOptions | false = {}): CacheSettings {
  const defaults: CacheSettings = {
    maxEntries: CACHE_ENTRIES,
    maxBytes: CACHE_BYTES,
    maxMissing: CACHE_MISSING,
    readyTtlMs: READY_TTL_MS,
    loadingTtlMs: LOADING_TTL_MS,
    missingTtlMs: MISSING_TTL_MS,
    failedTtlMs: FAILED_TTL_MS,
    staleMs: STALE_MS,
    lookTimeoutMs: LOOK_TIMEOUT_MS,
  }
  if (options === false) return { ...defaults, maxEntries: 0, maxMissing: 0, staleMs: 0 }
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(given) }
}
