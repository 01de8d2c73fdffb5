const MIN_ESTIMATE_MS = 250
const MAX_ESTIMATE_MS = 120_000
/** Before anything was seen: a modest line. */
const FIRST_BYTES_PER_MS = 10_000
const LATENCY_MS = 100
/** What one more load weighs. */
const WEIGHT = 0.2

/** How quick loads were of late. */
export interface Throughput {
  saw(sizeBytes: number, tookMs: number): void
  /** Bounded: 250 ms to two minutes. */
  estimateMs(sizeBytes: number): number
}

export function createThroughput(): Throughput {
  let lately: number | undefined
  return {
    saw(sizeBytes, tookMs) {
      const rate = sizeBytes / Math.max(1, tookMs)
      lately = lately === undefined ? rate : lately * (1 - WEIGHT) + rate * WEIGHT
    },
    estimateMs(sizeBytes) {
      const rate = lately ?? FIRST_BYTES_PER_MS
      return Math.round(Math.min(MAX_ESTIMATE_MS, Math.max(MIN_ESTIMATE_MS, LATENCY_MS + sizeBytes / rate)))
    },
  }
}
