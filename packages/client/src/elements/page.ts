import { MAX_ASKS_AT_ONCE } from '../defaults.ts'
import { createPolls, type Polls } from '../polls.ts'

/** Resolves at once, or when the page is seen and has a network again. */
function untilWorthIt(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const ended = new AbortController()
    const look = (): void => {
      if (document.hidden || !navigator.onLine) return
      ended.abort()
      resolve()
    }
    document.addEventListener('visibilitychange', look, { signal: ended.signal })
    addEventListener('online', look, { signal: ended.signal })
    const stop = (): void => {
      ended.abort()
      reject(signal.reason)
    }
    signal.addEventListener('abort', stop, { once: true, signal: ended.signal })
    look()
  })
}

let polls: Polls | undefined

/** One for the page, because what it bounds are the page's requests. Made late: a server that renders has no page. */
export function pollsOfPage(): Polls {
  polls ??= createPolls({ maxAtOnce: MAX_ASKS_AT_ONCE, untilWorthIt })
  return polls
}
