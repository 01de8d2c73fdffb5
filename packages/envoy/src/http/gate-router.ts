import type { IncomingMessage, ServerResponse } from 'node:http'
import { isHeaderValue, MediaError } from '@mediakeep/core'
import type { DirectAnswer, ForwardAnswer, Gate, GateAnswer, GateRequest } from '../contracts.ts'
import { createGate } from '../gate/gate.ts'
import type { GateOptions } from '../gate/options.ts'
import { createNetworks } from '../identity/networks.ts'
import { PROFILES, type Profile, type Proxy } from './profiles.ts'

export interface GateRouterSettings {
  /** Which proxy asks: it decides what is a yes and what it can pass on of a no. */
  readonly proxy: Proxy
  /**
   * Addresses or networks of proxies that may say what the client asked for, in `X-Forwarded-Method`, `-Uri`, `-Host` and `-Proto`, or
   * `X-Original-Method` and `-URI`. Default: this machine. From others such a question is refused.
   */
  readonly trustedProxies?: readonly string[]
  /** Taken off the beginning of the address: `path_prefix` of Envoy's HTTP service. Default: none. */
  readonly pathPrefix?: string
}

/** Either everything that makes a gate, or one that is there. */
export type GateRouterOptions = GateRouterSettings & (GateOptions | { readonly gate: Gate })

/** Answers over `node:http` messages: mount it in Express, or give it to `http.createServer`. */
export type GateHandler = (request: IncomingMessage, response: ServerResponse) => void

const LOOPBACK = ['127.0.0.0/8', '::1']

/**
 * The gate for proxies that ask over HTTP: the same decision as over gRPC, told as each proxy understands it.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`
 */
export function gateRouter(options: GateRouterOptions): GateHandler {
  const profile = PROFILES[options.proxy]
  if (profile === undefined)
    throw new MediaError('MEDIA_BAD_INPUT', 'gateRouter: proxy is envoy, nginx, traefik or caddy', {
      reason: 'bad-option',
    })
  const gate = 'gate' in options ? options.gate : createGate(options)
  const isTrusted = createNetworks(options.trustedProxies ?? LOOPBACK)
  const prefix = options.pathPrefix ?? ''
  return (request, response) => {
    request.resume() // a body that came along is of no interest
    const asked =
      profile.asks === 'itself' ? askedItself(request, prefix) : askedInHeaders(request, isTrusted)
    if (asked === undefined) {
      response.writeHead(403, [
        'cache-control',
        'no-store',
        'x-media-state',
        'denied',
        'x-media-status',
        '403',
      ])
      response.end()
      return
    }
    const answer = gate.check(asked)
    if (answer instanceof Promise) void answer.then((found) => write(response, request, profile, found))
    else write(response, request, profile, answer)
  }
}

function askedItself(request: IncomingMessage, prefix: string): GateRequest {
  const url = request.url ?? '/'
  const target = prefix !== '' && url.startsWith(prefix) ? url.slice(prefix.length) : url
  return questionOf(request, {
    method: request.method ?? '',
    target,
    host: request.headers.host ?? '',
    scheme: headerOf(request, 'x-forwarded-proto') ?? '',
  })
}

/** `undefined` where the proxy says nothing, or is not one that may. */
function askedInHeaders(
  request: IncomingMessage,
  isTrusted: (address: string) => boolean,
): GateRequest | undefined {
  if (!isTrusted(request.socket.remoteAddress ?? '')) return undefined
  const method = headerOf(request, 'x-forwarded-method') ?? headerOf(request, 'x-original-method')
  const target = headerOf(request, 'x-forwarded-uri') ?? headerOf(request, 'x-original-uri')
  if (method === undefined || target === undefined) return undefined
  return questionOf(request, {
    method,
    target,
    host: headerOf(request, 'x-forwarded-host') ?? request.headers.host ?? '',
    scheme: headerOf(request, 'x-forwarded-proto') ?? '',
  })
}

function questionOf(
  request: IncomingMessage,
  asked: Pick<GateRequest, 'method' | 'target' | 'host' | 'scheme'>,
): GateRequest {
  return {
    ...asked,
    proxyAddress: request.socket.remoteAddress ?? '',
    header: (name) => headerOf(request, name),
    context: {},
  }
}

/** Of a name that came twice, both: a value that holds a comma where none belongs is refused by whoever reads it. */
function headerOf({ headers }: IncomingMessage, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'object' ? value.join(', ') : value
}

function write(
  response: ServerResponse,
  request: IncomingMessage,
  profile: Profile,
  answer: GateAnswer,
): void {
  if (response.destroyed || response.headersSent) return
  if (answer.kind === 'forward') writeForward(response, profile, answer)
  else writeDirect(response, request, profile, answer)
}

/** Each name that a proxy copies stands in every yes, empty where there is nothing: what a client sent under it must not stay. */
const ALWAYS_TOLD = ['x-media-id', 'x-media-digest', 'x-media-tier', 'x-media-origin', 'x-media-path']

function writeForward(response: ServerResponse, profile: Profile, answer: ForwardAnswer): void {
  const { requestHeaders, responseHeaders, replaceResponseHeaders, path } = answer
  const list = [...requestHeaders, ...responseHeaders.slice(2), ...replaceResponseHeaders]
  if (path !== undefined) list.push('x-media-path', path)
  const names = new Set(list.filter((_, at) => at % 2 === 0))
  for (const name of ALWAYS_TOLD) if (!names.has(name)) list.push(name, '')
  // A yes that cannot be written as it was meant is none: node:http would refuse it, and the proxy must not guess.
  if (!list.every(isHeaderValue)) {
    response.writeHead(403, ['cache-control', 'no-store', 'x-media-state', 'failed'])
    response.end()
    return
  }
  response.writeHead(profile.forward, list)
  response.end()
}

function writeDirect(
  response: ServerResponse,
  request: IncomingMessage,
  profile: Profile,
  answer: DirectAnswer,
): void {
  const status = profile.statusOf(answer)
  const list = [...answer.headers, 'x-media-status', String(answer.status)]
  // What this proxy does not pass on is not sent to it.
  const body = profile.passesWhole && request.method !== 'HEAD' ? answer.body : ''
  response.writeHead(status, [
    ...(list.every(isHeaderValue) ? list : []),
    'content-length',
    String(Buffer.byteLength(body)),
  ])
  response.end(body)
}
