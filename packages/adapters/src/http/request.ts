import {
  type ClientRequest,
  type Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http'
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { ByteSource, CallScope } from '@mediakeep/core'
import { wayError } from './errors.ts'
import { sendBody } from './send-body.ts'

/** Bodies from here on wait to be asked for, so that a refusal comes before they are sent. */
const EXPECT_BYTES = 64 * 1024
/** A server that does not know `Expect` is sent the body after this. @see RFC 9110 section 10.1.1 */
const EXPECT_WAIT_MS = 1_000

export interface HttpCall {
  readonly name: string
  /** What the request is for, in errors. */
  readonly act: string
  readonly url: URL
  readonly method: string
  /** Path and query as they go on the wire: nothing resolves their dots. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly agent: HttpAgent | HttpsAgent
  readonly idleTimeoutMs: number
  readonly body?: ByteSource
  /** Told of bytes of the body as they leave. */
  onSent?(bytes: number): void
}

/**
 * Sends one request and resolves with the head of its answer; the body is the caller's to read or destroy.
 * @throws MediaError MEDIA_UNAVAILABLE when no answer came; what the source threw; the reason of the call when that ended it
 */
export async function sendRequest(call: HttpCall, scope: CallScope): Promise<IncomingMessage> {
  const { url, method, path, agent, body, idleTimeoutMs, act, name } = call
  const isAsked = body !== undefined && body.sizeBytes >= EXPECT_BYTES
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const request = send({
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    ...(url.port === '' ? {} : { port: url.port }),
    method,
    path,
    agent,
    headers: {
      ...call.headers,
      ...(body === undefined ? {} : { 'content-length': String(body.sizeBytes) }),
      ...(isAsked ? { expect: '100-continue' } : {}),
    },
  })
  const answered = answerOf(request, name, act, idleTimeoutMs)
  const onAbort = (): void => {
    request.destroy()
  }
  scope.signal.addEventListener('abort', onAbort, { once: true })
  try {
    if (scope.signal.aborted) onAbort()
    if (body === undefined) request.end()
    else {
      if (isAsked) await untilAsked(request, answered)
      await sendBody(request, body, scope, answered, call.onSent)
    }
    return await answered
  } catch (error) {
    request.destroy()
    scope.check() // what the abort made of the request is not the reason
    throw error
  } finally {
    scope.signal.removeEventListener('abort', onAbort)
  }
}

function answerOf(
  request: ClientRequest,
  name: string,
  act: string,
  idleTimeoutMs: number,
): Promise<IncomingMessage> {
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve)
    request.once('error', (cause) => {
      const error = wayError(name, act, 'unreachable', cause)
      if (request.reusedSocket) onReused.add(error)
      reject(error)
    })
    request.once('close', () => reject(wayError(name, act, 'cut-off')))
    request.setTimeout(idleTimeoutMs, () => {
      reject(wayError(name, act, 'timed-out'))
      request.destroy()
    })
  })
  // Heard even while the body is still sent: a refusal may come at any time.
  answered.catch(() => {})
  return answered
}

const onReused = new WeakSet<object>()

/** The connection was an old one, which the other side may have closed just then: it has not seen the request. */
export function wasStale(error: unknown): boolean {
  return typeof error === 'object' && error !== null && onReused.has(error)
}

async function untilAsked(request: ClientRequest, answered: Promise<IncomingMessage>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const asked = new Promise<void>((resolve) => {
    request.once('continue', resolve)
    timer = setTimeout(resolve, EXPECT_WAIT_MS)
  })
  request.flushHeaders()
  try {
    await Promise.race([asked, answered])
  } finally {
    clearTimeout(timer)
  }
}
