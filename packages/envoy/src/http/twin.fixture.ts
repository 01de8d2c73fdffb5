import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestListener,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Media, MediaError, type MediaLocation } from '@mediakeep/core'
import { onTestFinished } from 'vitest'
import type { Gate, GateAnswer, GateRequest } from '../contracts.ts'
import { gateFixture } from '../gate/gate.fixture.ts'
import type { CountingGate } from '../gate/gate.ts'
import type { GateOptions } from '../gate/options.ts'
import { bucketUpstream } from '../upstream/bucket-upstream.ts'
import type { Proxy } from './profiles.ts'

export const PROXIES: readonly Proxy[] = ['envoy', 'nginx', 'traefik', 'caddy']
/** Those that speak of the client's request in headers. */
export const FORWARDING: readonly Proxy[] = ['nginx', 'traefik', 'caddy']
export const READY = { target: '/media/k/ready' } as const
const BYTES: Buffer = Buffer.from('what is in it')

/** What a client sent, as the proxy got it. */
export interface ClientRequest {
  readonly method?: string
  readonly target: string
  readonly headers?: Readonly<Record<string, string | string[]>>
}

/** One thing that the gate can mean, and the status by which each proxy is told. */
export interface TwinRow {
  readonly means: string
  /** The client's status where the proxy passes all on; none: the request goes on. */
  readonly status: number | undefined
  readonly state: string
  /** Headers that stand in the answer, beside `x-media-state` and `x-media-status`. */
  readonly headers: readonly string[]
  readonly hasBody: boolean
  readonly told: Readonly<Record<Proxy, number>>
  readonly asks: ClientRequest
}

const told = (envoy: number, nginx: number, traefik: number, caddy: number): TwinRow['told'] => ({
  envoy,
  nginx,
  traefik,
  caddy,
})

/** The whole of what proxies are told. The guide shows the same. */
export const TWIN_TABLE: readonly TwinRow[] = [
  {
    means: 'ready',
    status: undefined,
    state: 'ready',
    headers: ['x-media-id', 'x-media-tier', 'x-media-origin', 'x-media-path'],
    hasBody: false,
    told: told(200, 204, 200, 200),
    asks: { target: '/media/k/ready' },
  },
  {
    means: 'loading',
    status: 503,
    state: 'loading',
    headers: ['retry-after', 'cache-control'],
    hasBody: true,
    told: told(429, 403, 429, 429),
    asks: { target: '/media/k/loading' },
  },
  {
    means: 'cannot be read now',
    status: 503,
    state: 'failed',
    headers: ['retry-after', 'cache-control'],
    hasBody: true,
    told: told(429, 403, 503, 503),
    asks: { target: '/media/k/failed' },
  },
  {
    means: 'the catalog does not answer',
    status: 503,
    state: 'failed',
    headers: ['retry-after', 'cache-control'],
    hasBody: true,
    told: told(429, 403, 503, 503),
    asks: { target: '/media/k/down' },
  },
  {
    means: 'missing, or not yours',
    status: 404,
    state: 'missing',
    headers: ['cache-control'],
    hasBody: true,
    told: told(404, 403, 404, 404),
    asks: { target: '/media/k/nothing', headers: { authorization: 'ann' } },
  },
  {
    means: 'held back',
    status: 403,
    state: 'denied',
    headers: ['cache-control'],
    hasBody: true,
    told: told(403, 403, 403, 403),
    asks: { target: '/media/k/held' },
  },
  {
    means: 'sign in first (programs)',
    status: 401,
    state: 'denied',
    headers: ['cache-control'],
    hasBody: true,
    told: told(401, 401, 401, 401),
    asks: { target: '/media/k/ready', headers: { authorization: 'bad' } },
  },
  {
    means: 'sign in first (browsers)',
    status: 302,
    state: 'denied',
    headers: ['location', 'cache-control'],
    hasBody: false,
    told: told(302, 403, 302, 302),
    asks: { target: '/media/k/ready', headers: { authorization: 'bad', accept: 'text/html' } },
  },
  {
    means: 'an address that can be read in two ways',
    status: 400,
    state: 'denied',
    headers: ['cache-control'],
    hasBody: true,
    told: told(400, 403, 400, 400),
    asks: { target: '/media/k/x/../ready' },
  },
  {
    means: 'another method than GET and HEAD',
    status: 405,
    state: 'denied',
    headers: ['allow', 'cache-control'],
    hasBody: true,
    told: told(405, 403, 405, 405),
    asks: { method: 'POST', target: '/media/k/ready' },
  },
  {
    means: 'not modified',
    status: 304,
    state: 'ready',
    headers: ['etag', 'cache-control'],
    hasBody: false,
    told: told(304, 403, 304, 304),
    asks: { target: '/media/k/ready', headers: { 'if-none-match': '*' } },
  },
  {
    means: 'a condition that does not hold',
    status: 412,
    state: 'ready',
    headers: ['cache-control'],
    hasBody: true,
    told: told(412, 403, 412, 412),
    asks: { target: '/media/k/ready', headers: { 'if-match': '"other"' } },
  },
  {
    means: 'a range beyond the end',
    status: 416,
    state: 'ready',
    headers: ['content-range', 'cache-control'],
    hasBody: true,
    told: told(416, 403, 416, 416),
    asks: { target: '/media/k/ready', headers: { range: 'bytes=99-' } },
  },
]

/** A gate over a bucket, in which `/media/k/<state>` is in that state. */
export async function twinGate(
  options: Partial<GateOptions> = {},
): Promise<{ gate: CountingGate; media: Media; looks: () => number }> {
  const base = await gateFixture()
  const media = await base.store.put(BYTES, { filename: 'a.txt', at: { key: 'ready' }, visibility: 'public' })
  const place = { volumeId: 'v', tier: 'minio', objectKey: `ab/${media.digest}` }
  let looks = 0
  const locations: Readonly<Record<string, MediaLocation>> = {
    ready: { media, availability: { state: 'ready', tier: 'minio', since: new Date(0) }, place, names: [] },
    loading: { media, availability: { state: 'loading', retryAfterMs: 4_000 }, names: [] },
    failed: { media, availability: { state: 'failed', retryAfterMs: 9_000, reason: 'x' }, names: [] },
    held: { media, availability: { state: 'held', reason: 'quarantined' }, names: [] },
  }
  const credentials = { accessKey: 'AKIDEXAMPLE', secretKey: 'never to be seen' }
  const { gate } = await gateFixture({
    store: {
      availability: async () => ({ state: 'missing' }),
      stat: async () => undefined,
      url: async () => new URL('https://media.example/'),
      warm: async () => ({ state: 'missing' }),
      async locate(ref) {
        looks += 1
        const key = typeof ref === 'string' ? ref : ref.key
        if (key === 'down') throw new MediaError('MEDIA_UNAVAILABLE', 'the catalog is away')
        return locations[key] ?? { media: undefined, availability: { state: 'missing' }, names: [] }
      },
    },
    authenticate: (request) => {
      const id = request.header('authorization')
      if (id === 'bad') throw new MediaError('MEDIA_UNAUTHENTICATED', 'no')
      return id === undefined ? undefined : { id }
    },
    signIn: { url: 'https://auth.example/oauth2/start', returnHosts: ['media.example'] },
    upstreams: { minio: bucketUpstream({ host: 'minio:9000', bucket: 'media', credentials }) },
    ...options,
  })
  return { gate, media, looks: () => looks }
}

/** A gate that lets everything through and tells what it was asked. */
export function openGate(): { gate: Gate; questions: GateRequest[] } {
  const questions: GateRequest[] = []
  const yes: GateAnswer = {
    kind: 'forward',
    requestHeaders: ['x-media-state', 'ready'],
    removeRequestHeaders: [],
    responseHeaders: [],
    replaceResponseHeaders: [],
    facts: { state: 'ready', ttlMs: 0 },
  }
  const check = (request: GateRequest): GateAnswer => {
    questions.push(request)
    return yes
  }
  return { gate: { check, close: () => {} }, questions }
}

export interface TwinAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface TwinWire {
  readonly port: number
  /** The question as this proxy asks it. */
  ask(proxy: Proxy, client: ClientRequest): Promise<TwinAnswer>
  /** Any request. */
  send(client: ClientRequest, body?: string): Promise<TwinAnswer>
}

/** A listener on a free port, for one test. */
export async function twinWire(listener: RequestListener): Promise<TwinWire> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const send: TwinWire['send'] = ({ method = 'GET', target, headers = {} }, body) =>
    new Promise((resolve, reject) => {
      const sent = httpRequest({ port, host: '127.0.0.1', method, path: target, headers, agent: false })
      sent.once('error', reject).once('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject)
        response.once('end', () => {
          const { statusCode = 0, headers: found } = response
          resolve({ status: statusCode, headers: found, body: Buffer.concat(chunks).toString() })
        })
      })
      sent.end(body)
    })
  return { port, send, ask: (proxy, client) => send(questionOf(proxy, client)) }
}

/** As the proxies do, on their own: Envoy repeats the request, the others say of it. */
export function questionOf(proxy: Proxy, client: ClientRequest): ClientRequest {
  const { method = 'GET', target, headers = {} } = client
  if (proxy === 'envoy') return { method, target, headers: { host: 'media.example', ...headers } }
  const family = proxy === 'nginx' ? 'x-original' : 'x-forwarded'
  return {
    target: '/',
    headers: {
      ...headers,
      [`${family}-method`]: method,
      [`${family}-uri`]: target,
      'x-forwarded-host': 'media.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.9',
    },
  }
}

/** The table as the guide shows it. */
export function tableOfGuide(): string {
  const rows = TWIN_TABLE.map(({ means, status, headers, told: { envoy, nginx, traefik, caddy } }) => {
    const named = headers.map((name) => `\`${name}\``).join(' ')
    return `| ${means} | ${status ?? 'goes on'} | ${envoy} | ${nginx} | ${traefik} | ${caddy} | ${named} |`
  })
  return [
    '| the gate means | the client is to get | Envoy | nginx | Traefik | Caddy | headers beside `x-media-state` |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}
