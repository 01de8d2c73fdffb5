import type { Clock } from '../contracts/clock.ts'

/** setTimeout takes no longer waits than this: it fires at once instead. */
const MAX_TIMER_MS = 2 ** 31 - 1

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
