import {
  CIRCUIT_CONSECUTIVE_FAILURES,
  CIRCUIT_FAILURE_RATIO,
  CIRCUIT_MAX_OPEN_MS,
  CIRCUIT_MIN_FAILURES,
  CIRCUIT_OPEN_MS,
  CIRCUIT_WINDOW_MS,
} from '../defaults.ts'
import type { OptionNames } from '../options/unknown-option.ts'

/*
 * closed ─too many failures→ open ─openMs→ half-open ─a probe succeeds→ closed
 *                             ↑                └─ a probe fails ─┘ (twice as long, up to maxOpenMs)
 *
 * Two rules open it: so many failures in a row, however long they took, which is how a backend that is seldom asked is
 * noticed; and a share of the calls of the last seconds, which is how one is noticed that answers now and then.
 * Successes and failures come with the generation they began in: a call that was under way when the circuit opened says
 * nothing about what happens after.
 */

export interface CircuitOptions {
  /** Failures in a row that open it. Default 5. */
  readonly consecutiveFailures?: number
  /** Share of the calls within `windowMs` that opens it when they failed, if those are `minFailures` at least. Default 0.5. */
  readonly failureRatio?: number
  /** Default 10. */
  readonly minFailures?: number
  /** Default 10 s. */
  readonly windowMs?: number
  /** How long nothing is asked after it has opened. Default 5 s. */
  readonly openMs?: number
  /** `openMs` doubles with each probe that fails, up to this. Default 60 s. */
  readonly maxOpenMs?: number
  /** Calls that may try a backend at once that was down. Default 1. */
  readonly maxProbes?: number
}

export const CIRCUIT_OPTIONS: OptionNames<CircuitOptions> = {
  consecutiveFailures: true,
  failureRatio: true,
  minFailures: true,
  windowMs: true,
  openMs: true,
  maxOpenMs: true,
  maxProbes: true,
}

export type CircuitState = 'closed' | 'open' | 'half-open'

export interface CircuitReport {
  readonly state: CircuitState
  /** Failures since the last success. */
  readonly failures: number
  /** Until the next call may try; 0 when one may now. */
  readonly retryAfterMs: number
}

/** Leave to make one call; say how it went, once. */
export interface CircuitPass {
  succeeded(): void
  failed(): void
  /** It says nothing about the backend: the caller left, or asked for what cannot be. */
  ignored(): void
}

export interface Circuit {
  report(nowMs: number): CircuitReport
  /** `undefined`: not now. */
  enter(nowMs: number): CircuitPass | undefined
}

/** The window is kept in so many parts; the oldest is dropped as a whole. */
const WINDOW_PARTS = 10

/** The circuit as a machine without clock and calls. `now` is asked when a call ends. */
export function createCircuit(options: CircuitOptions, now: () => number, onState: () => void): Circuit {
  const {
    consecutiveFailures = CIRCUIT_CONSECUTIVE_FAILURES,
    failureRatio = CIRCUIT_FAILURE_RATIO,
    minFailures = CIRCUIT_MIN_FAILURES,
    windowMs = CIRCUIT_WINDOW_MS,
    openMs = CIRCUIT_OPEN_MS,
    maxOpenMs = CIRCUIT_MAX_OPEN_MS,
    maxProbes = 1,
  } = options
  const partMs = windowMs / WINDOW_PARTS
  let parts: { readonly part: number; succeeded: number; failed: number }[] = []
  let failures = 0
  let generation = 0
  let openUntilMs: number | undefined
  let nextOpenMs = openMs
  let probes = 0

  const stateAt = (nowMs: number): CircuitState => {
    if (openUntilMs === undefined) return 'closed'
    return nowMs < openUntilMs ? 'open' : 'half-open'
  }
  const count = (nowMs: number, outcome: 'succeeded' | 'failed'): void => {
    const part = Math.floor(nowMs / partMs)
    parts = parts.filter((one) => one.part > part - WINDOW_PARTS && one.part <= part)
    let current = parts.at(-1)
    if (current?.part !== part) {
      current = { part, succeeded: 0, failed: 0 }
      parts.push(current)
    }
    current[outcome] += 1
  }
  const isTooMuch = (): boolean => {
    if (failures >= consecutiveFailures) return true
    const failed = parts.reduce((sum, one) => sum + one.failed, 0)
    const all = parts.reduce((sum, one) => sum + one.succeeded, failed)
    return failed >= minFailures && failed >= all * failureRatio
  }
  const open = (nowMs: number): void => {
    openUntilMs = nowMs + nextOpenMs
    nextOpenMs = Math.min(nextOpenMs * 2, maxOpenMs)
    generation += 1
    probes = 0
    onState()
  }
  const close = (): void => {
    openUntilMs = undefined
    nextOpenMs = openMs
    parts = []
    generation += 1
    probes = 0
    onState()
  }

  return {
    report: (nowMs) => ({
      state: stateAt(nowMs),
      failures,
      retryAfterMs: openUntilMs === undefined ? 0 : Math.max(openUntilMs - nowMs, 0),
    }),
    enter(nowMs) {
      const isProbe = openUntilMs !== undefined
      if (isProbe && (stateAt(nowMs) === 'open' || probes >= maxProbes)) return undefined
      if (isProbe) probes += 1
      const began = generation
      let isOver = false
      const end = (run: () => void): void => {
        if (isOver) return
        isOver = true
        if (began !== generation) return
        if (isProbe) probes -= 1
        run()
      }
      return {
        succeeded: () =>
          end(() => {
            failures = 0
            if (isProbe) close()
            else count(now(), 'succeeded')
          }),
        failed: () =>
          end(() => {
            failures += 1
            const atMs = now()
            count(atMs, 'failed')
            if (isProbe || isTooMuch()) open(atMs)
          }),
        ignored: () => end(() => {}),
      }
    },
  }
}
