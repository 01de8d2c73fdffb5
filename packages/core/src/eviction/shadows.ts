import { hashOf } from './frequency-sketch.ts'
import { createRoom, type Room } from './room.ts'
import { type ValueRule, valueRule } from './setting.ts'

/**
 * What would have been lost by frequency and size, and what by recency alone: two rooms that hold no bytes and see the
 * same requests. No rule is right for what is loved for long and for news; which of the two it is, only the past tells.
 */
export interface Shadows {
  /** A request for an object of this size, resident in the real room or not. */
  request(id: string, sizeBytes: number): void
  /** Of late recency alone would have lost less. */
  readonly favourRecency: boolean
}

export interface ShadowsOptions {
  readonly capacityBytes: number
  readonly rule: ValueRule
  readonly maxMemoryBytes: number
  readonly seed: number
}

/** A shadow with more residents sees every second id from then on, every fourth, and so on. */
const MAX_SHADOW_RESIDENTS = 16_384
/** Losses are forgotten by half once in so many requests for each resident; never faster than after so many requests. */
const REQUESTS_PER_HALF_LIFE = 4
const MIN_REQUESTS = 500
/** Recency takes over only where it loses less by this much, so that it does not take over by chance. */
const MARGIN = 1.01
/** Ids are sampled by other bits than those that the sketch tells them apart by. */
const SAMPLE_SEED = 0x51ed

/** About 125 bytes for each shadowed resident beside its id: 4 to 6 MiB for both rooms at most. */
export function createShadows({ capacityBytes, rule, maxMemoryBytes, seed }: ShadowsOptions): Shadows {
  const recency = valueRule('lru')
  let sampleMask = 0
  let byValue: Room
  let byRecency: Room
  let lostByValue = 0
  let lostByRecency = 0
  let requests = 0
  let favourRecency = false

  /** A room that shrank would have to forget; an empty one of the right size is as fair to both. */
  const begin = (): void => {
    const own = { capacityBytes: Math.floor(capacityBytes / (sampleMask + 1)), maxMemoryBytes, seed }
    byValue = createRoom({ ...own, rule })
    byRecency = createRoom({ ...own, rule: recency })
    lostByValue = lostByRecency = requests = 0
  }
  begin()

  const misses = (room: Room, id: string, sizeBytes: number): boolean => {
    if (room.access(id)) return false
    const { admit, victims } = room.admit(id, sizeBytes)
    if (admit) {
      for (const victim of victims) room.remove(victim)
      room.insert(id, sizeBytes)
    }
    return true
  }

  return {
    request(id, sizeBytes) {
      if (sampleMask !== 0 && (hashOf(id, seed ^ SAMPLE_SEED) & sampleMask) !== 0) return
      const cost = sizeBytes * Math.exp(rule.logWorth(sizeBytes))
      const fade = 1 - Math.LN2 / Math.max(MIN_REQUESTS, REQUESTS_PER_HALF_LIFE * byValue.residentCount)
      lostByValue = lostByValue * fade + (misses(byValue, id, sizeBytes) ? cost : 0)
      lostByRecency = lostByRecency * fade + (misses(byRecency, id, sizeBytes) ? cost : 0)
      requests += 1
      if (requests > MIN_REQUESTS) favourRecency = lostByValue > lostByRecency * (favourRecency ? 1 : MARGIN)
      if (byRecency.residentCount <= MAX_SHADOW_RESIDENTS) return
      sampleMask = sampleMask * 2 + 1
      begin()
    },
    get favourRecency() {
      return favourRecency
    },
  }
}
