import { BACK_OFF_MS, MAX_BACK_OFF_MS, RETRY_AFTER_SPREAD_RATIO } from './defaults.ts'

// The other two forms of RFC 9110 are obsolete, and what Date.parse makes of free text is a guess.
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/** Longest time that timers of browsers and Node keep; they take a longer one for none at all. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

const parseDate = (text: string): number => (IMF_FIXDATE.test(text) ? Date.parse(text) : Number.NaN)

/**
 * Milliseconds until the time that `Retry-After` names. A date counts from the answer's own `Date`, where it is to be
 * seen: the clock here may be wrong by hours. `undefined` for no header, for anything else, and for a time that is
 * not to come: repeating at once is what nobody means.
 * @see RFC 9110 section 10.2.3
 */
export function parseRetryAfter(headers: Headers, nowMs: number): number | undefined {
  const text = headers.get('retry-after') ?? ''
  const dateMs = parseDate(headers.get('date') ?? '')
  const ms = /^\d+$/.test(text)
    ? Number(text) * 1000
    : parseDate(text) - (Number.isNaN(dateMs) ? nowMs : dateMs)
  return ms > 0 ? ms : undefined
}

/**
 * The time to wait after the `attempt`th answer, from 1; `random` lies in [0, 1).
 * What the server named is a floor: only longer waits keep it, and without any spread all who were told the same second
 * come back in it. A back-off has no floor to keep, so it is spread over half of itself: half, not all, so that it
 * never comes to nothing.
 */
export function chooseWaitMs(retryAfterMs: number | undefined, attempt: number, random: number): number {
  if (retryAfterMs !== undefined) return retryAfterMs * (1 + RETRY_AFTER_SPREAD_RATIO * random)
  const backOffMs = Math.min(BACK_OFF_MS * 2 ** (attempt - 1), MAX_BACK_OFF_MS)
  return backOffMs * (0.5 + random / 2)
}

/** Resolves after `ms`; rejects with the signal's reason when that comes first. Leaves neither timer nor listener. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', stop)
        resolve()
      },
      Math.min(ms, MAX_TIMER_MS),
    )
    signal?.addEventListener('abort', stop, { once: true })
  })
}
