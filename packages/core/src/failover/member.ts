import type { Clock } from '../contracts/clock.ts'
import type { ObjectStore } from '../contracts/object-store.ts'
import type { CircuitOptions, CircuitReport } from '../decorators/circuit.ts'
import { type CircuitBreakerStore, withCircuitBreaker } from '../decorators/with-circuit-breaker.ts'
import { FAILOVER_PROBE_TIMEOUT_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'

/** One of the stores, with what is known of its health. */
export interface Member {
  readonly name: string
  /** 0 is the preferred one. */
  readonly rank: number
  /** Counts every call; refuses them while the circuit is open. */
  readonly store: CircuitBreakerStore
  /** Keys that were deleted while it was down, and that it may still hold. */
  readonly owed: Set<string>
  isUp(): boolean
  report(): CircuitReport
  /** Why it is not asked. */
  downError(): MediaError
  open(): Promise<void>
  close(): Promise<void>
}

export interface MemberOptions {
  readonly rank: number
  readonly circuit: CircuitOptions
  readonly probeTimeoutMs?: number
  readonly clock: Clock
  onDown(): void
  onUp(): void
}

/** Asked when nobody else asks: a key nobody puts. That it is absent is the answer of a store that works. */
const PROBE_KEY = 'mediakeep-probe'

/** Shortest time between two probes. */
const MIN_PROBE_PAUSE_MS = 250

/**
 * A member is up while its circuit is closed. Nobody's own call is risked to find out whether it is back:
 * a probe is sent whenever the circuit would let one through.
 */
export function createMember(inner: ObjectStore, options: MemberOptions): Member {
  const { rank, circuit, clock, probeTimeoutMs = FAILOVER_PROBE_TIMEOUT_MS } = options
  let cancelProbe: (() => void) | undefined
  let isOpened = true
  let isClosed = false

  const store = withCircuitBreaker(inner, {
    ...circuit,
    clock,
    onState({ state }) {
      if (state === 'closed') options.onUp()
      else {
        options.onDown()
        scheduleProbe()
      }
    },
  })

  function scheduleProbe(): void {
    if (cancelProbe !== undefined || isClosed) return
    const pauseMs = Math.max(store.circuit().retryAfterMs, MIN_PROBE_PAUSE_MS)
    cancelProbe = clock.after(pauseMs, () => {
      void probe().then(() => {
        cancelProbe = undefined
        if (!isUp()) scheduleProbe()
      })
    })
  }
  async function probe(): Promise<void> {
    try {
      if (!isOpened) await inner.open?.()
      await store.head(PROBE_KEY, {
        deadlineAt: new Date(clock.now() + probeTimeoutMs),
        context: { cause: 'probe' },
      })
      if (isOpened) return
      isOpened = true
      options.onUp()
    } catch {
      // The circuit has counted it, or the store could not be opened: the next probe tries again.
    }
  }
  const isUp = (): boolean => isOpened && store.circuit().state === 'closed'

  return {
    name: inner.name,
    rank,
    store,
    owed: new Set(),
    isUp,
    report: () => store.circuit(),
    downError() {
      const retryAfterMs = Math.max(store.circuit().retryAfterMs, MIN_PROBE_PAUSE_MS)
      return new MediaError('MEDIA_UNAVAILABLE', `${inner.name}: down; tried again in ${retryAfterMs} ms`, {
        reason: 'circuit-open',
        retryAfterMs,
      })
    },
    async open() {
      try {
        await inner.open?.()
        isOpened = true
      } catch (error) {
        isOpened = false
        options.onDown()
        scheduleProbe()
        throw error
      }
    },
    async close() {
      isClosed = true
      cancelProbe?.()
      await inner.close()
    },
  }
}
