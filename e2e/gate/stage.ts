import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import {
  createGrpcServer,
  type DirectAnswer,
  type ForwardAnswer,
  type Gate,
  type GateAnswer,
  type GateRequest,
  type GrpcServerOptions,
  gateRouter,
} from '@mediakeep/envoy'
import { freePorts, type RunningEnvoy, startEnvoy } from '../../scripts/envoy.mjs'
import { configOn } from './config.ts'

export const OBJECT = Buffer.from('0123456789')
export const ETAG = '"ten"'

/** What the storage was asked. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

export interface Stage {
  readonly port: number
  readonly gatePort: number
  readonly envoy: RunningEnvoy
  /** What the gate was asked, and what the storage, since the last `forget`. */
  readonly asked: GateRequest[]
  readonly seen: Seen[]
  forget(): void
  /** Ends the gate; `startGate` brings it back on the same port. */
  stopGate(): Promise<void>
  startGate(): Promise<void>
  close(): Promise<void>
}

export const forward = (change: Partial<ForwardAnswer> = {}): ForwardAnswer => ({
  kind: 'forward',
  requestHeaders: ['x-media-state', 'ready'],
  removeRequestHeaders: ['authorization', 'cookie'],
  responseHeaders: [],
  replaceResponseHeaders: [],
  facts: { state: 'ready', tier: 'disk', mediaId: 'm-1', ttlMs: 1_500 },
  ...change,
})

const direct = (
  status: number,
  state: 'loading' | 'missing' | 'denied',
  ...headers: string[]
): DirectAnswer => ({
  kind: 'answer',
  status,
  headers: ['content-type', 'application/problem+json', 'x-media-state', state, ...headers],
  body: JSON.stringify({ status }),
  facts: { state, reason: 'scripted', ttlMs: 0 },
})

export const READY: ForwardAnswer = forward()
export const LOADING: DirectAnswer = direct(
  503,
  'loading',
  'retry-after',
  '7',
  'cache-control',
  'public, max-age=5',
)
export const MISSING: DirectAnswer = direct(404, 'missing', 'cache-control', 'public, max-age=60')
export const WRONG_METHOD: DirectAnswer = direct(
  405,
  'denied',
  'allow',
  'GET, HEAD',
  'cache-control',
  'no-store',
)

/** By the last word of the path. */
export function scripted({ method, target }: GateRequest): GateAnswer {
  if (method !== 'GET' && method !== 'HEAD') return WRONG_METHOD
  const path = target.split('?', 1)[0] ?? ''
  if (path.endsWith('loading')) return LOADING
  return path.endsWith('missing') ? MISSING : READY
}

/** Storage that serves ten bytes under every name, whole and in ranges. */
async function startStorage(seen: Seen[]): Promise<{ port: number; close(): Promise<void> }> {
  const server = createServer(({ method = '', url = '', headers }, response) => {
    seen.push({ method, url, headers })
    response.setHeader('etag', ETAG)
    response.setHeader('content-type', 'text/plain')
    response.setHeader('cache-control', 'max-age=60')
    if (headers['if-none-match'] === ETAG) {
      response.writeHead(304).end()
      return
    }
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
    const body = range === null ? OBJECT : OBJECT.subarray(Number(range[1]), Number(range[2]) + 1)
    const partial = { 'content-range': `bytes ${range?.[1]}-${range?.[2]}/${OBJECT.length}` }
    response.writeHead(range === null ? 200 : 206, {
      'content-length': body.length,
      ...(range === null ? {} : partial),
    })
    response.end(method === 'HEAD' ? undefined : body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** Takes connections and says nothing. */
export async function startSilence(): Promise<{ readonly port: number; close(): void }> {
  const sockets = new Set<Socket>()
  const silent = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  }).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  return {
    port: (silent.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy()
      silent.close()
    },
  }
}

export interface StageOptions {
  readonly check?: (request: GateRequest) => GateAnswer | Promise<GateAnswer>
  readonly change?: (config: string) => string
  /** Default: a gate. Otherwise something else listens on its port, or nothing. */
  readonly gatePort?: number
  /** How Envoy asks. Default: gRPC. */
  readonly transport?: 'grpc' | 'http'
  readonly tls?: GrpcServerOptions['tls']
}

/** @returns how to end it */
type Listen = (port: number) => Promise<() => Promise<void>>

function overGrpc(gate: Gate, tls: GrpcServerOptions['tls']): Listen {
  const server = createGrpcServer(gate, tls === undefined ? {} : { tls })
  return async (port) => {
    const listening = await server.listen({ port })
    return () => listening.close({ graceMs: 200 })
  }
}

function overHttp(gate: Gate): Listen {
  return async (port) => {
    const server = createServer(gateRouter({ proxy: 'envoy', gate })).listen(port, '127.0.0.1')
    await once(server, 'listening')
    return async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    }
  }
}

/** A real Envoy by the shipped configuration, between a gate that answers by a script and a storage. */
export async function startStage({
  check = scripted,
  change = (config) => config,
  gatePort: given,
  transport = 'grpc',
  tls,
}: StageOptions = {}): Promise<Stage> {
  const asked: GateRequest[] = []
  const seen: Seen[] = []
  const storage = await startStorage(seen)
  const [listener = 0, admin = 0, free = 0] = await freePorts(3)
  const gatePort = given ?? free
  const gate: Gate = {
    check(request) {
      asked.push(request)
      return check(request)
    },
    close: () => undefined,
  }
  const listen = transport === 'grpc' ? overGrpc(gate, tls) : overHttp(gate)
  let stopGate = async (): Promise<void> => undefined
  const startGate = async (): Promise<void> => {
    const stop = await listen(gatePort)
    stopGate = async () => {
      stopGate = async () => undefined
      await stop()
    }
  }
  if (given === undefined) await startGate()
  const config = change(configOn({ listener, admin, gate: gatePort, storage: storage.port }))
  const envoy = await startEnvoy(config, { adminPort: admin })
  return {
    port: listener,
    gatePort,
    envoy,
    asked,
    seen,
    forget() {
      asked.length = 0
      seen.length = 0
    },
    startGate,
    stopGate: () => stopGate(),
    async close() {
      await envoy.stop()
      await stopGate()
      await storage.close()
    },
  }
}
