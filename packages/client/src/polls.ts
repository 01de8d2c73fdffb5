import { askUntilReady } from './ask.ts'
import { MediaNotReadyError } from './not-ready.ts'
import { createSlots } from './slots.ts'

/** What became of a media: to be shown, unknown to the server, or not to be had. */
export type PollOutcome = 'ready' | 'missing' | 'failed'

export interface PollQuestion {
  /** Absolute. */
  readonly url: string
  readonly credentials: RequestInit['credentials'] | undefined
  readonly maxWaitMs: number
}

/** One that waits for a media. */
export interface Waiter {
  /** Asked before each request; who answers `false` has left. */
  isThere(): boolean
  /** Called once, unless it left before. */
  settle(outcome: PollOutcome): void
}

/** Questions of one page: one for all who wait for the same media, and few at once. */
export interface Polls {
  /** Begins to wait; gives how to leave. The last one who leaves ends the question. */
  join(question: PollQuestion, waiter: Waiter): () => void
}

export interface PollsOptions {
  readonly maxAtOnce: number
  /** Resolves when it is worth it to ask again: the page is seen, and has a network. */
  readonly untilWorthIt: (signal: AbortSignal) => Promise<void>
  readonly fetch?: typeof globalThis.fetch | undefined
}

interface Flight {
  readonly waiters: Set<Waiter>
  readonly controller: AbortController
}

function outcomeOf({ ok, status }: Response): PollOutcome {
  if (status === 404 || status === 410) return 'missing'
  // Servers without HEAD say so; what is behind them only the element can find out.
  return ok || status === 304 || status === 405 || status === 501 ? 'ready' : 'failed'
}

function outcomeOfError(error: unknown): PollOutcome {
  // Never an answer: no network, or another origin without CORS, where elements still may show what we may not ask for.
  const neverAnswered =
    error instanceof MediaNotReadyError && error.status === undefined && error.cause !== undefined
  return neverAnswered ? 'ready' : 'failed'
}

export function createPolls({ maxAtOnce, untilWorthIt, fetch }: PollsOptions): Polls {
  const flights = new Map<string, Flight>()
  const slots = createSlots(maxAtOnce)

  function forget(key: string, flight: Flight): void {
    if (flights.get(key) === flight) flights.delete(key)
  }

  function leave(key: string, flight: Flight, waiter: Waiter): void {
    flight.waiters.delete(waiter)
    if (flight.waiters.size > 0) return
    forget(key, flight)
    flight.controller.abort()
  }

  async function ask(key: string, flight: Flight, question: PollQuestion): Promise<void> {
    const { url, credentials, maxWaitMs } = question
    const { waiters, controller } = flight
    const { signal } = controller
    const options = { signal, credentials, maxWaitMs, maxAttempts: Number.POSITIVE_INFINITY, fetch }
    const outcome = await askUntilReady('HEAD', url, options, async (attempt) => {
      // The first is asked in any case: a page opened in the background gets its media loaded meanwhile.
      if (attempt > 1) await untilWorthIt(signal)
      for (const waiter of [...waiters]) if (!waiter.isThere()) leave(key, flight, waiter)
      return slots.take(signal)
    }).then(outcomeOf, outcomeOfError)
    forget(key, flight)
    for (const waiter of [...waiters]) {
      // Each by itself: one whose callback throws takes nothing from the others.
      queueMicrotask(() => {
        if (waiters.has(waiter)) waiter.settle(outcome)
      })
    }
  }

  return {
    join(question, waiter) {
      const key = JSON.stringify([question.url, question.credentials, question.maxWaitMs])
      const found = flights.get(key)
      const flight = found ?? { waiters: new Set(), controller: new AbortController() }
      flight.waiters.add(waiter)
      if (found === undefined) {
        flights.set(key, flight)
        void ask(key, flight, question)
      }
      return () => leave(key, flight, waiter)
    },
  }
}
