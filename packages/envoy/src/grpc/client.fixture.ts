import grpc from '@grpc/grpc-js'
import { encodeAnswer } from '../codec/encode-answer.ts'
import {
  checkRequest,
  HealthCheckRequest,
  HealthCheckResponse,
  type Response,
  readResponse,
} from '../codec/proto.fixture.ts'
import type { DirectAnswer, ForwardAnswer, Gate, GateAnswer, GateRequest } from '../contracts.ts'
import { CHECK_PATH, HEALTH_CHECK_PATH, HEALTH_WATCH_PATH } from './paths.ts'

export const READY: ForwardAnswer = {
  kind: 'forward',
  requestHeaders: ['x-media-state', 'ready'],
  removeRequestHeaders: [],
  responseHeaders: [],
  replaceResponseHeaders: [],
  facts: { state: 'ready', ttlMs: 1_000 },
}

export const MISSING: DirectAnswer = {
  kind: 'answer',
  status: 404,
  headers: ['cache-control', 'public, max-age=5'],
  body: '{}',
  facts: { state: 'missing', ttlMs: 0 },
}

/** A gate that answers as told. */
export const gateOf = (check: (request: GateRequest) => GateAnswer | Promise<GateAnswer>): Gate => ({
  check,
  close: () => undefined,
})

/** Everything below `/ready` goes on. */
export const scriptedGate: Gate = gateOf(({ target }) => (target.startsWith('/ready') ? READY : MISSING))

export const QUESTION: Buffer = checkRequest({
  http: { method: 'GET', path: '/ready/a.jpg', scheme: 'http' },
})

const Client = grpc.makeGenericClientConstructor({}, 'Authorization')

/** What a call ended with: bytes, or the code of gRPC. */
export type Outcome = { readonly bytes: Buffer } | { readonly code: number }

export interface AskOptions {
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** A client of a gate; its connection is its own. */
export function connectTo(
  target: string,
  credentials: grpc.ChannelCredentials = grpc.credentials.createInsecure(),
) {
  const client = new Client(target, credentials, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_channelz': 0,
    'grpc.max_send_message_length': -1,
  })
  const asIs = (bytes: Buffer): Buffer => bytes
  const call = (path: string, bytes: Buffer, { timeoutMs, signal }: AskOptions = {}): Promise<Outcome> =>
    new Promise((resolve) => {
      const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs }
      const under = client.makeUnaryRequest(path, asIs, asIs, bytes, options, (error, answer) => {
        resolve(answer === undefined ? { code: error?.code ?? -1 } : { bytes: answer })
      })
      signal?.addEventListener('abort', () => under.cancel(), { once: true })
    })
  return {
    ask: (bytes: Buffer, options?: AskOptions): Promise<Outcome> => call(CHECK_PATH, bytes, options),
    /** The answer; a call that fails is a fault. */
    async check(bytes: Buffer, options?: AskOptions): Promise<Response> {
      const outcome = await call(CHECK_PATH, bytes, options)
      if ('code' in outcome) throw new Error(`the call failed with ${outcome.code}`)
      return readResponse(outcome.bytes)
    },
    async health(service: string): Promise<number | { readonly code: number }> {
      const request = Buffer.from(HealthCheckRequest.encode({ service }).finish())
      const outcome = await call(HEALTH_CHECK_PATH, request)
      return 'code' in outcome ? outcome : statusOf(outcome.bytes)
    },
    healthOf: (bytes: Buffer): Promise<Outcome> => call(HEALTH_CHECK_PATH, bytes),
    watch(service: string): grpc.ClientReadableStream<Buffer> {
      const request = Buffer.from(HealthCheckRequest.encode({ service }).finish())
      return client.makeServerStreamRequest(HEALTH_WATCH_PATH, asIs, asIs, request)
    },
    close: (): void => client.close(),
  }
}

export type GateClient = ReturnType<typeof connectTo>

export function statusOf(bytes: Uint8Array): number {
  return (HealthCheckResponse.toObject(HealthCheckResponse.decode(bytes)) as { status?: number }).status ?? 0
}

export const expected = (answer: GateAnswer): Response => readResponse(encodeAnswer(answer))
