import type { Clock } from '../contracts/clock.ts'
import { MAX_TIMER_MS } from './max-timer.ts'

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    let timer: NodeJS.Timeout
    const arm = (leftMs: number): void => {
      const waitMs = Math.min(leftMs, MAX_TIMER_MS)
      timer = setTimeout(() => (leftMs > waitMs ? arm(leftMs - waitMs) : callback()), waitMs)
      timer.unref()
    }
    arm(ms)
    return () => clearTimeout(timer)
  },
}
