import type { Clock } from '@mediakeep/core'

export interface FakeClock extends Clock {
  /** Moves time on by `ms`, calling back what falls due on the way, in order of time. */
  advance(ms: number): void
  /** Sets the time without calling anything back: a clock that jumps. */
  jump(toMs: number): void
  /** Timers neither fired nor cancelled: 0 after a test that leaves nothing behind. */
  readonly pendingTimers: number
}

interface Timer {
  readonly dueMs: number
  readonly order: number
  readonly callback: () => void
}

/**
 * Time that stands still until a test moves it.
 * @param startMs milliseconds since the epoch; default 2026-01-01T00:00:00Z
 */
export function fakeClock(startMs: number = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Set<Timer>()
  let nowMs = startMs
  let order = 0

  const nextDue = (untilMs: number): Timer | undefined => {
    let next: Timer | undefined
    for (const timer of timers) {
      if (timer.dueMs > untilMs) continue
      if (
        next === undefined ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.order < next.order)
      )
        next = timer
    }
    return next
  }

  return {
    now: () => nowMs,
    after(ms, callback) {
      const timer: Timer = { dueMs: nowMs + Math.max(ms, 0), order: order++, callback }
      timers.add(timer)
      return () => {
        timers.delete(timer)
      }
    },
    advance(ms) {
      const untilMs = nowMs + ms
      for (let timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
        timers.delete(timer)
        nowMs = Math.max(nowMs, timer.dueMs)
        timer.callback()
      }
      nowMs = untilMs
    },
    jump(toMs) {
      nowMs = toMs
    },
    get pendingTimers() {
      return timers.size
    },
  }
}
