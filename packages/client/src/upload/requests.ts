import { MAX_UPLOAD_ATTEMPTS } from '../defaults.ts'
import { chooseWaitMs, parseRetryAfter, pause } from '../wait.ts'
import { UploadRefusedError } from './upload-error.ts'

export type Json = Readonly<Record<string, unknown>>

export interface RequestOptions {
  /** Sent with every request to the service: `Authorization`, as a rule. */
  readonly headers?: RequestInit['headers'] | undefined
  readonly credentials?: RequestInit['credentials'] | undefined
  readonly signal?: AbortSignal | undefined
  /** Tries of each request. Default 12. */
  readonly maxAttempts?: number | undefined
  /** In place of the platform's own. */
  readonly fetch?: typeof globalThis.fetch | undefined
}

export interface Asked {
  readonly method: string
  readonly url: string
  readonly body?: Blob | string | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** The address says all: who asks is not told. */
  readonly isSigned?: boolean
  /** It is that of a bucket: no cookie goes there, and nothing of its answer is read. */
  readonly isBuckets?: boolean
}

/** The same request may succeed later. */
const RETRIED = new Set([408, 423, 425, 429, 502, 503, 504])

/**
 * Sends until there is an answer that another try would not change, and gives its JSON.
 * @throws UploadRefusedError; the network's own error when it failed every time; the signal's reason
 */
export async function askService(
  { method, url, body, headers, isBuckets = false, isSigned = isBuckets }: Asked,
  options: RequestOptions,
): Promise<Json> {
  const { signal, maxAttempts = MAX_UPLOAD_ATTEMPTS, credentials } = options
  const ask = options.fetch ?? globalThis.fetch // Called by itself: browsers refuse it as a member of another object.
  const all = new Headers(isSigned ? {} : options.headers)
  for (const [name, value] of Object.entries(headers ?? {})) all.set(name, value)
  const init: RequestInit = {
    method,
    headers: all,
    ...(body !== undefined && { body }),
    ...(signal !== undefined && { signal }),
    ...(isBuckets ? { credentials: 'omit' } : credentials !== undefined && { credentials }),
  }
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted()
    let retryAfterMs: number | undefined
    try {
      const answer = await ask(url, init)
      if (answer.ok) return answer.status === 204 || isBuckets ? {} : await jsonOf(answer)
      if (!RETRIED.has(answer.status) || attempt >= maxAttempts) {
        const refusal = await refusalOf(answer)
        // An earlier try, whose connection broke, is still under way at the service.
        if (refusal.reason !== 'upload-locked' || attempt >= maxAttempts) throw refusal
      } else answer.body?.cancel().catch(() => {})
      retryAfterMs = parseRetryAfter(answer.headers, Date.now())
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof UploadRefusedError || attempt >= maxAttempts) throw error
    }
    await pause(chooseWaitMs(retryAfterMs, attempt, Math.random()), signal)
  }
}

async function jsonOf(answer: Response): Promise<Json> {
  const value: unknown = await answer.json()
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

async function refusalOf(answer: Response): Promise<UploadRefusedError> {
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json') === true
  const json = isProblem ? await jsonOf(answer).catch(() => ({})) : {}
  const text = (name: string): string | undefined => {
    const value = (json as Json)[name]
    return typeof value === 'string' ? value : undefined
  }
  return new UploadRefusedError({
    status: answer.status,
    code: text('code'),
    reason: text('reason'),
    detail: text('detail'),
  })
}
