import { MAX_ATTEMPTS, MAX_NETWORK_ERRORS, MAX_WAIT_MS } from './defaults.ts'
import { MediaNotReadyError } from './not-ready.ts'
import { chooseWaitMs, MAX_TIMER_MS, parseRetryAfter, pause } from './wait.ts'

export interface FetchMediaOptions {
  /** Ends it at any moment, also while the body is read. */
  readonly signal?: AbortSignal | undefined
  /** Time for asking and waiting until the headers of the answer are there; 120,000 by default. The body may take longer. */
  readonly maxWaitMs?: number | undefined
  /** Requests in all; 100 by default. */
  readonly maxAttempts?: number | undefined
  readonly headers?: RequestInit['headers'] | undefined
  readonly credentials?: RequestInit['credentials'] | undefined
  /** Told before each wait; `status` is `undefined` when there was no answer. */
  readonly onWait?: ((wait: MediaWait) => void) | undefined
  /** In place of the platform's own. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

export interface MediaWait {
  /** Requests so far. */
  readonly attempt: number
  readonly waitMs: number
  readonly status: number | undefined
}

/** Admits a request and gives what to call after it. Time spent here is not counted: a page that nobody sees does not wait. */
export type Turnstile = (attempt: number) => Promise<() => void>

const freeTurnstile: Turnstile = async () => () => {}

/** 202 and 403 are what some proxies make of "loading"; alone they mean something else. */
function isNotYet({ status, headers }: Response): boolean {
  if (status === 503 || status === 429 || status === 425) return true
  return (status === 202 || status === 403) && headers.has('retry-after')
}

/** Unread bodies hold their connection. */
function discard(answer: Response): void {
  answer.body?.cancel().catch(() => {})
}

/** Asks until an answer is not "not yet", and gives that. */
export async function askUntilReady(
  method: 'GET' | 'HEAD',
  url: string | URL,
  options: FetchMediaOptions,
  enter: Turnstile = freeTurnstile,
): Promise<Response> {
  const { signal, maxWaitMs = MAX_WAIT_MS, maxAttempts = MAX_ATTEMPTS, headers, credentials } = options
  signal?.throwIfAborted()
  const parts = {
    method,
    ...(headers !== undefined && { headers }),
    ...(credentials !== undefined && { credentials }),
  }
  // What can never be asked fails here, with the platform's own error, and is not taken for the network.
  const { url: address } = new Request(url, parts)
  const ask = options.fetch ?? globalThis.fetch // Called by itself: browsers refuse it as a member of another object.
  const deadline = new AbortController()
  const within = signal === undefined ? deadline.signal : AbortSignal.any([signal, deadline.signal])

  let waitedMs = 0
  let networkErrors = 0
  let status: number | undefined

  /** One answer, or the error of a network that gave none. */
  async function askOnce(): Promise<{ answer: Response } | { answer?: undefined; error: unknown }> {
    const startedMs = performance.now()
    const leftMs = maxWaitMs - waitedMs
    const timer = setTimeout(() => deadline.abort(), Math.min(leftMs, MAX_TIMER_MS))
    try {
      return { answer: await ask(address, { ...parts, signal: within }) }
    } catch (error) {
      signal?.throwIfAborted()
      return { error }
    } finally {
      clearTimeout(timer)
      waitedMs += performance.now() - startedMs
    }
  }

  for (let attempt = 1; ; attempt += 1) {
    const leave = await enter(attempt)
    const result = await askOnce().finally(leave)
    const { answer } = result
    if (answer !== undefined && !isNotYet(answer)) return answer

    if (answer !== undefined) discard(answer)
    networkErrors = answer === undefined ? networkErrors + 1 : 0
    status = answer?.status ?? status
    const retryAfterMs = answer && parseRetryAfter(answer.headers, Date.now())
    const waitMs = chooseWaitMs(retryAfterMs, attempt, Math.random())
    const isOver =
      deadline.signal.aborted ||
      attempt >= maxAttempts ||
      networkErrors >= MAX_NETWORK_ERRORS ||
      // To ask earlier than told is of no use, and neither is to wait for what lies beyond the end.
      waitMs > maxWaitMs - waitedMs
    if (isOver) {
      const cause = answer === undefined && !deadline.signal.aborted ? result.error : undefined
      throw new MediaNotReadyError({ status, attempts: attempt, waitedMs, retryAfterMs, cause })
    }
    options.onWait?.({ attempt, waitMs, status: answer?.status })
    await pause(waitMs, signal)
    waitedMs += waitMs
  }
}
