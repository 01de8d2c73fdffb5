import type { Call } from '../contracts/call.ts'
import type { Clock } from '../contracts/clock.ts'
import { MediaError } from '../errors/media-error.ts'
import { MAX_TIMER_MS } from './max-timer.ts'

/** The one signal that a call listens to: the caller's, its deadline, and the end of the store. */
export interface CallScope {
  readonly signal: AbortSignal
  /** Throws the reason when the call has ended. */
  check(): void
  /** Forgets timer and listeners; idempotent. Never ends the call. */
  release(): void
}

/**
 * Joins signal and deadline of a call with the signal of the store it goes to.
 * @throws the signal's reason, untouched, when it is aborted already; MediaError MEDIA_TIMEOUT past the deadline.
 */
export function openCallScope(call: Call | undefined, clock: Clock, storeSignal: AbortSignal): CallScope {
  if (call?.signal === undefined && call?.deadlineAt === undefined) return storeScope(storeSignal)
  const controller = new AbortController()
  const releases: (() => void)[] = []
  for (const signal of [storeSignal, call?.signal]) {
    if (signal === undefined) continue
    if (signal.aborted) {
      for (const release of releases) release()
      throw signal.reason
    }
    const end = (): void => controller.abort(signal.reason)
    signal.addEventListener('abort', end, { once: true })
    releases.push(() => signal.removeEventListener('abort', end))
  }
  const deadlineAt = call?.deadlineAt
  if (deadlineAt !== undefined) {
    const waitMs = deadlineAt.getTime() - clock.now()
    if (waitMs <= 0) {
      for (const release of releases) release()
      throw timedOut(deadlineAt)
    }
    releases.push(armDeadline(deadlineAt, clock, () => controller.abort(timedOut(deadlineAt))))
  }
  return {
    signal: controller.signal,
    check() {
      if (controller.signal.aborted) throw controller.signal.reason
    },
    release() {
      for (const release of releases.splice(0)) release()
    },
  }
}

/** Nothing to join: a controller and its listeners would cost as much as the read of a small object. */
function storeScope(signal: AbortSignal): CallScope {
  signal.throwIfAborted()
  return { signal, check: () => signal.throwIfAborted(), release: () => {} }
}

function armDeadline(deadlineAt: Date, clock: Clock, onPassed: () => void): () => void {
  let cancel = (): void => {}
  const arm = (): void => {
    const waitMs = deadlineAt.getTime() - clock.now()
    if (waitMs <= 0) onPassed()
    else cancel = clock.after(Math.min(waitMs, MAX_TIMER_MS), arm)
  }
  arm()
  return () => cancel()
}

function timedOut(deadlineAt: Date): MediaError {
  return new MediaError('MEDIA_TIMEOUT', `the deadline ${deadlineAt.toISOString()} has passed`, {
    reason: 'deadline',
  })
}
