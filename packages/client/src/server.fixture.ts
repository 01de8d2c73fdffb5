import { vi } from 'vitest'

/** An answer whose body tells whether it was cancelled. */
export interface TestAnswer {
  readonly response: Response
  isCancelled(): boolean
}

export function answer(status: number, headers: Record<string, string> = {}): TestAnswer {
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(10))
    },
    cancel() {
      cancelled = true
    },
  })
  return { response: new Response(body, { status, headers }), isCancelled: () => cancelled }
}

export interface TestRequest {
  readonly method: string | undefined
  readonly url: string
  readonly atMs: number
  readonly headers: Headers
  readonly credentials: string | undefined
}

export interface TestServer {
  readonly fetch: typeof globalThis.fetch
  readonly requests: TestRequest[]
  /** Requests that have no answer yet. */
  underWay(): number
}

type Script = (request: TestRequest, index: number) => Response | Error | Promise<Response>

/** A `fetch` that answers by a script, and that an abort interrupts as the real one. */
export function testServer(script: Script): TestServer {
  const requests: TestRequest[] = []
  let underWay = 0
  const fetch: typeof globalThis.fetch = async (input, init = {}) => {
    const signal = init.signal ?? undefined
    signal?.throwIfAborted()
    const request: TestRequest = {
      method: init.method,
      url: input instanceof Request ? input.url : String(input),
      atMs: Date.now(),
      headers: new Headers(init.headers),
      credentials: init.credentials,
    }
    requests.push(request)
    underWay += 1
    const ended = new AbortController()
    try {
      return await new Promise<Response>((resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { signal: ended.signal })
        const result = script(request, requests.length - 1)
        if (result instanceof Error) reject(result)
        // Not resolved with a promise: it could not be rejected any more.
        else if (result instanceof Response) resolve(result)
        else result.then(resolve, reject)
      })
    } finally {
      ended.abort()
      underWay -= 1
    }
  }
  return { fetch, requests, underWay: () => underWay }
}

/** An answer that never comes. */
export const never = (): Promise<Response> => new Promise(() => {})

/** Fails when a timer was left: to be called after each test that has fake ones. */
export function expectNoTimers(): void {
  const left = vi.getTimerCount()
  vi.useRealTimers()
  if (left > 0) throw new Error(`${left} timers were left`)
}
