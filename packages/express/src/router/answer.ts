import { ServerResponse } from 'node:http'
import {
  type HeaderList,
  isMediaError,
  MediaError,
  type ProblemOptions,
  problemAnswer,
  SAFETY_HEADERS,
  statusOf,
  writeHead,
} from '@mediakeep/core'
import { DRAIN_BYTES, LINGER_MS } from '../defaults.ts'
import { declaredBytes, hasBody } from './client-body.ts'
import type { HttpExchange } from './exchange.ts'

/** Answers with JSON that is nobody's but the asker's. */
export function sendJson(
  exchange: HttpExchange,
  status: number,
  value: unknown,
  headers: HeaderList = [],
): void {
  const body = JSON.stringify(value)
  const list = [...jsonHeaders(body, exchange.requestId, 'private, no-store'), ...headers]
  finish(exchange, status, list, exchange.method === 'HEAD' ? undefined : body)
}

export function jsonHeaders(body: string, requestId: string, cacheControl: string): string[] {
  return [
    ...SAFETY_HEADERS,
    'Content-Type',
    'application/json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    cacheControl,
    'X-Request-Id',
    requestId,
  ]
}

/** 204. */
export function sendNothing(exchange: HttpExchange, headers: HeaderList = []): void {
  sendEmpty(exchange, 204, ['Cache-Control', 'private, no-store', ...headers])
}

/** An answer without a body, also where others of its status have one. */
export function sendEmpty(exchange: HttpExchange, status: number, headers: HeaderList): void {
  // Of a 304 it would be that of the 200.
  const length = status === 204 || status === 304 ? [] : ['Content-Length', '0']
  const list = [...SAFETY_HEADERS, ...length, 'X-Request-Id', exchange.requestId]
  finish(exchange, status, [...list, ...headers], undefined)
}

/** Answers with what went wrong, as far as the client may know. Reports what is not its fault. */
export function sendProblem(
  exchange: HttpExchange,
  error: unknown,
  headers: HeaderList = [],
  status?: number,
  members?: ProblemOptions['members'],
): void {
  const { request, response, settings, requestId } = exchange
  if (isOurs(error)) report(exchange, error)
  if (response.headersSent || response.destroyed) {
    // Bytes of another answer are out: only a broken connection tells that they are not all.
    response.destroy()
    return
  }
  const answer = problemAnswer(error, {
    requestId,
    headers,
    challenge: settings.challenge,
    ...(status === undefined ? {} : { status }),
    ...(members === undefined ? {} : { members }),
  })
  const list = [...answer.headers, 'X-Request-Id', requestId]
  // The method on the request line, which may not be the one that was meant: it decides whether a body can follow.
  finish(exchange, answer.status, list, request.method === 'HEAD' ? undefined : answer.body)
}

/** Answers 405, and which methods there are. */
export function refuseMethod(exchange: HttpExchange, methods: readonly string[]): void {
  const allowed = methods.join(', ')
  sendProblem(exchange, new MediaError('MEDIA_METHOD', `the methods here are ${allowed}`), ['Allow', allowed])
}

/** A dependency that fails, damage or a mistake of the host, as against a client's or a store that is full or busy. */
function isOurs(error: unknown): boolean {
  if (!isMediaError(error) || error.reason === 'body-already-read') return true
  return statusOf(error.code) === 500 || error.code === 'MEDIA_UNAVAILABLE'
}

/** Tells the host; what its listener throws is its own. */
export function report({ settings, requestId, method, path }: HttpExchange, error: unknown): void {
  try {
    settings.onError(error, { requestId, method, path: withoutIds(path) })
  } catch {
    // A listener can never change the answer.
  }
}

/** Whoever knows the id of an upload may go on with it: it stands in no log. */
function withoutIds(path: string): string {
  return path.replace(/^\/(tus|uploads)\/[^/]+/, '/$1/:uploadId')
}

function finish(exchange: HttpExchange, status: number, headers: string[], body: string | undefined): void {
  const { request, response } = exchange
  if (response.headersSent || response.destroyed) return
  exchange.body?.stop()
  if (isBodySpent(exchange)) {
    writeHead(response, status, headers)
    response.end(body)
    return
  }
  // Whoever still sends reads the answer late, or never: the whole answer goes out, some of the rest is taken in,
  // and the connection is closed, so that the body is not read as the next request.
  writeHead(response, status, [...headers, 'Connection', 'close'])
  if (isContinueAwaited(response)) {
    response.end(body)
    return
  }
  if (body === undefined) response.flushHeaders()
  else response.write(body)
  const end = (): void => {
    clearTimeout(timer)
    request.off('data', onData)
    request.off('end', end)
    request.off('close', end)
    response.end()
  }
  let drainedBytes = 0
  const onData = (chunk: Buffer): void => {
    drainedBytes += chunk.length
    if (drainedBytes > DRAIN_BYTES) request.pause()
  }
  const timer = setTimeout(end, LINGER_MS)
  request.on('data', onData)
  request.on('end', end)
  request.on('close', end)
  request.on('error', ignore)
  request.resume()
}

/** As Node made it. */
const { write: writeOwn } = ServerResponse.prototype

/**
 * The headers of a content, and what stands in every answer of bytes. A body that came with a read is not taken in: the
 * connection ends with the answer.
 *
 * Middleware that compresses what is written would do so with parts too, and leave length, ranges and strong ETag of other
 * bytes than it sends; `no-transform` is what it asks before. @see RFC 9110 section 7.7
 */
export function contentHeaders(exchange: HttpExchange, headers: HeaderList): HeaderList {
  const { response, requestId } = exchange
  const list = [...headers, 'X-Request-Id', requestId]
  if (!isBodySpent(exchange)) list.push('Connection', 'close')
  const name = list.indexOf('Cache-Control')
  if (name !== -1 && response.write !== writeOwn) list[name + 1] += ', no-transform'
  return list
}

/** Nothing of a body is left, or so little that node:http may read it away. */
function isBodySpent({ request, body }: HttpExchange): boolean {
  if (request.complete || body?.isComplete() === true || !hasBody(request)) return true
  const declared = declaredBytes(request)
  return declared !== undefined && declared - (body?.receivedBytes() ?? 0) <= DRAIN_BYTES
}

const awaitingContinue = new WeakSet<ServerResponse>()

/** Remembers that the sender waits for `100 Continue` before it sends its body. */
export function awaitContinue(response: ServerResponse): void {
  awaitingContinue.add(response)
}
export function continued(response: ServerResponse): void {
  awaitingContinue.delete(response)
}
function isContinueAwaited(response: ServerResponse): boolean {
  return awaitingContinue.has(response)
}

function ignore(): void {}
