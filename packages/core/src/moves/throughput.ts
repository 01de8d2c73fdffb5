const MIN_ESTIMATE_MS = 250
const MAX_ESTIMATE_MS = 120_000
/** Before anything was seen: a modest line. */
const FIRST_BYTES_PER_MS = 10_000
const LATENCY_MS = 100
/** What one more load weighs. */
const WEIGHT = 0.2

/** How quick bytes came of late, by where from. */
export interface Throughput {
  saw(from: string, sizeBytes: number, tookMs: number): void
  /** Bounded: 250 ms to two minutes. */
  estimateMs(from: string, sizeBytes: number): number
}

export function createThroughput(): Throughput {
  const rates = new Map<string, number>()
  return {
    saw(from, sizeBytes, tookMs) {
      const rate = sizeBytes / Math.max(1, tookMs)
      const before = rates.get(from)
      rates.set(from, before === undefined ? rate : before * (1 - WEIGHT) + rate * WEIGHT)
    },
    estimateMs(from, sizeBytes) {
      const rate = rates.get(from) ?? FIRST_BYTES_PER_MS
      return Math.round(Math.min(MAX_ESTIMATE_MS, Math.max(MIN_ESTIMATE_MS, LATENCY_MS + sizeBytes / rate)))
    },
  }
}
