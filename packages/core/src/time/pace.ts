import type { Clock } from '../contracts/clock.ts'
import { pause } from './pause.ts'

/** Holds work to a rate. */
export interface Pace {
  /** Resolves when this much more may be done; `undefined` when it may be at once. */
  spend(amount: number, signal: AbortSignal | undefined): Promise<void> | undefined
}

/** Work may run ahead of its rate by this much and catch up, so that timers are few and coarse ones do not slow it. */
const AHEAD_MS = 20

/** `perSecond` of anything, on average from the first call; `undefined`: as fast as it goes. */
export function createPace(perSecond: number | undefined, clock: Clock): Pace {
  if (perSecond === undefined) return { spend: () => undefined }
  let dueAtMs: number | undefined
  return {
    spend(amount, signal) {
      const nowMs = clock.now()
      // Time that was not used is not saved up: after a pause the rate holds again at once.
      dueAtMs = Math.max(dueAtMs ?? nowMs, nowMs - AHEAD_MS) + (amount / perSecond) * 1000
      const waitMs = dueAtMs - nowMs
      return waitMs <= AHEAD_MS ? undefined : pause(waitMs, clock, signal)
    },
  }
}
