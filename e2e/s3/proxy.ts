import http from 'node:http'
import type { AttemptClass } from '@mediakeep/core'

/** What the proxy does to one request. */
export type Trouble =
  | {
      readonly type: 'answer'
      readonly status: number
      readonly body?: string
      readonly headers?: Readonly<Record<string, string>>
    }
  /** Ends the connection once so many bytes of the request's body have come. */
  | { readonly type: 'cut-request'; readonly atByte: number }
  /** Ends the connection once so many bytes of the answer's body have gone. */
  | { readonly type: 'cut-answer'; readonly atByte: number }
  /** The endpoint carries it out; its answer is lost. */
  | { readonly type: 'lose-answer' }
  /** Waits before each chunk of the answer's body. */
  | { readonly type: 'slow'; readonly waitMs: number }
  /** Never answers. */
  | { readonly type: 'hang' }

export interface SeenRequest {
  readonly class: AttemptClass
  readonly method: string
  readonly path: string
  readonly headers: http.IncomingHttpHeaders
}

export interface Proxy {
  readonly endpoint: string
  readonly host: string
  readonly port: number
  /** Requests that arrived, in order. */
  readonly seen: SeenRequest[]
  /** Asked for each request. */
  trouble: (request: SeenRequest) => Trouble | undefined
  /** Requests of each class so far. */
  counts(): Readonly<Record<string, number>>
  stop(): Promise<void>
}

/** Stands between a store and its server: counts what passes, and makes trouble. */
export async function startProxy(target: { readonly host: string; readonly port: number }): Promise<Proxy> {
  const agent = new http.Agent({ keepAlive: true })
  const seen: SeenRequest[] = []
  const server = http.createServer((request, response) => {
    const seenRequest: SeenRequest = {
      class: classOf(request.method ?? '', request.url ?? ''),
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
    }
    seen.push(seenRequest)
    pass(request, response, target, agent, proxy.trouble(seenRequest))
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const proxy: Proxy = {
    endpoint: `http://127.0.0.1:${address.port}`,
    host: '127.0.0.1',
    port: address.port,
    seen,
    trouble: () => undefined,
    counts() {
      const counts: Record<string, number> = {}
      for (const { class: name } of seen) counts[name] = (counts[name] ?? 0) + 1
      return counts
    },
    async stop() {
      agent.destroy()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
  return proxy
}

/** The first `times` requests that match get the trouble. */
export function firstTimes(
  times: number,
  match: (request: SeenRequest) => boolean,
  trouble: Trouble,
): Proxy['trouble'] {
  let left = times
  return (request) => (match(request) && left-- > 0 ? trouble : undefined)
}

function pass(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  target: { readonly host: string; readonly port: number },
  agent: http.Agent,
  trouble: Trouble | undefined,
): void {
  const drop = (): void => void request.socket.destroy()
  request.on('error', () => {})
  response.on('error', () => {})
  if (trouble?.type === 'hang') return
  if (trouble?.type === 'cut-request' && trouble.atByte === 0) {
    drop()
    return
  }
  if (trouble?.type === 'answer') {
    request.resume().once('end', () => {
      const body = request.method === 'HEAD' ? '' : (trouble.body ?? '')
      response.writeHead(trouble.status, { 'content-type': 'application/xml', ...trouble.headers }).end(body)
    })
    return
  }
  const upstream = http.request(
    { ...target, method: request.method ?? 'GET', path: request.url ?? '/', headers: request.headers, agent },
    (answer) => {
      answer.on('error', drop)
      if (trouble?.type === 'lose-answer') {
        answer.resume().once('end', drop)
        return
      }
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      if (trouble?.type === 'cut-answer')
        cutAfter(answer, trouble.atByte, (chunk) => response.write(chunk), drop)
      else if (trouble?.type === 'slow') void slowly(answer, response, trouble.waitMs)
      else answer.pipe(response)
      response.once('close', () => answer.destroy())
    },
  )
  upstream.on('error', drop)
  response.once('close', () => upstream.destroy())
  if (trouble?.type === 'cut-request')
    cutAfter(request, trouble.atByte, (chunk) => upstream.write(chunk), drop)
  else request.pipe(upstream)
}

function cutAfter(
  source: http.IncomingMessage,
  atByte: number,
  give: (chunk: Buffer) => void,
  cut: () => void,
): void {
  let passed = 0
  source.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, atByte - passed)
    passed += part.byteLength
    if (part.byteLength > 0) give(part)
    if (passed >= atByte) setImmediate(cut) // what was given goes out first
  })
}

async function slowly(
  answer: http.IncomingMessage,
  response: http.ServerResponse,
  waitMs: number,
): Promise<void> {
  for await (const chunk of answer) {
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    if (!response.write(chunk)) await drained(response)
    if (response.destroyed) return
  }
  response.end()
}

function drained(response: http.ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const goOn = (): void => {
      response.off('drain', goOn).off('close', goOn)
      resolve()
    }
    response.on('drain', goOn).on('close', goOn)
  })
}

/** The class a request is billed as, from nothing but its method and address. */
export function classOf(method: string, address: string): AttemptClass {
  const url = new URL(address, 'http://endpoint')
  const query = url.searchParams
  const isObject = url.pathname.split('/').filter((part) => part !== '').length > 1
  if (query.has('uploads') && method === 'POST') return 'multipart'
  if (query.has('uploadId')) {
    if (method === 'PUT') return 'part'
    return method === 'DELETE' ? 'abort' : 'multipart'
  }
  if (!isObject) {
    if (method === 'POST' && query.has('delete')) return 'delete'
    if (method === 'GET' && (query.has('list-type') || query.has('uploads'))) return 'list'
    return 'other'
  }
  if (method === 'GET') return 'get'
  if (method === 'HEAD') return 'head'
  if (method === 'PUT') return 'put'
  if (method === 'DELETE') return 'delete'
  return 'other'
}
