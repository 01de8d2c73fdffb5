import { MiB } from '../bytes/sizes.ts'

/** A write of long ago says little: its weight halves in this time. */
const HALF_LIFE_MS = 10_000
/** What weighs less than this says nothing any more. */
const LEAST_WEIGHT = 0.05

/** How long writes of late took for each MiB begun, the younger the weightier. */
export interface WriteSpeed {
  wrote(sizeBytes: number, tookMs: number, nowMs: number): void
  /** `undefined`: there were none of late. */
  msPerMib(nowMs: number): number | undefined
}

export function createWriteSpeed(): WriteSpeed {
  let [sum, weight, atMs] = [0, 0, 0]
  const age = (nowMs: number): void => {
    const factor = 0.5 ** (Math.max(0, nowMs - atMs) / HALF_LIFE_MS)
    sum *= factor
    weight *= factor
    atMs = nowMs
  }
  return {
    wrote(sizeBytes, tookMs, nowMs) {
      age(nowMs)
      sum += tookMs / Math.max(1, Math.ceil(sizeBytes / MiB))
      weight += 1
    },
    msPerMib(nowMs) {
      age(nowMs)
      return weight < LEAST_WEIGHT ? undefined : sum / weight
    },
  }
}
