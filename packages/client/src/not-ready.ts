/** What was known when waiting ended. */
export interface NotReadyFacts {
  /** Status of the last answer; `undefined` when there never was one: network, or CORS. */
  readonly status: number | undefined
  /** Requests that were made. */
  readonly attempts: number
  /** Time that was spent asking and waiting. */
  readonly waitedMs: number
  /** When the server would have had us ask again. */
  readonly retryAfterMs?: number | undefined
  /** The network's error, when there was no answer. */
  readonly cause?: unknown
}

/** The media did not become ready in the time or the requests there were. The address is not in it: it may be signed. */
export class MediaNotReadyError extends Error {
  override readonly name = 'MediaNotReadyError'
  /** The code that the server's own error has. */
  readonly code = 'MEDIA_NOT_READY'
  readonly status: number | undefined
  readonly attempts: number
  readonly waitedMs: number
  readonly retryAfterMs: number | undefined

  constructor({ status, attempts, waitedMs, retryAfterMs, cause }: NotReadyFacts) {
    const last = status === undefined ? 'no answer' : `last answer ${status}`
    const times = attempts === 1 ? '1 request' : `${attempts} requests`
    super(
      `media not ready after ${times} in ${Math.round(waitedMs)} ms (${last})`,
      cause === undefined ? undefined : { cause },
    )
    this.status = status
    this.attempts = attempts
    this.waitedMs = waitedMs
    this.retryAfterMs = retryAfterMs
  }
}
