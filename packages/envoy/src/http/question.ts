import type { IncomingMessage } from 'node:http'
import { badOption } from '@mediakeep/core'
import { refuse } from '../answers/direct.ts'
import type { DirectAnswer, GateRequest } from '../contracts.ts'
import { createNetworks } from '../identity/networks.ts'
import type { Profile } from './profiles.ts'

export interface QuestionSettings {
  readonly trustedProxies: readonly string[]
  readonly pathPrefix: string
}

/** What a proxy asks; or what it is told where that cannot be known for sure. */
export type ReadQuestion = (request: IncomingMessage) => GateRequest | DirectAnswer

/** This machine. */
export const LOOPBACK: readonly string[] = ['127.0.0.0/8', '::1', 'unix']

const PRIVATE = ['cache-control', 'private, no-store']

const UNTRUSTED = refuse({
  state: 'denied',
  reason: 'untrusted-proxy',
  code: 'MEDIA_DENIED',
  message: 'this gate answers to its proxies only',
  headers: PRIVATE,
  ttlMs: 0,
})

const UNCLEAR = refuse({
  state: 'denied',
  reason: 'unclear-question',
  code: 'MEDIA_BAD_INPUT',
  message: 'the proxy does not say, or says in two ways, what the client asked for',
  headers: PRIVATE,
  ttlMs: 0,
})

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` */
export function createQuestions(
  { asks }: Pick<Profile, 'asks'>,
  { trustedProxies, pathPrefix }: QuestionSettings,
): ReadQuestion {
  if (pathPrefix !== '' && !/^(?:\/[A-Za-z0-9._~-]+)+$/.test(pathPrefix))
    throw badOption('gateRouter: pathPrefix is a path without a slash at its end')
  const isListed = createNetworks(trustedProxies.filter((address) => address !== 'unix'))
  const trustsUnixSockets = trustedProxies.includes('unix')
  const read = asks === 'itself' ? askedItself(pathPrefix) : askedInHeaders
  return (request) => {
    const address = request.socket.remoteAddress
    // Without an address it came over a unix socket, or its sender is gone and reads no answer.
    if (address === undefined ? !trustsUnixSockets : !isListed(address)) return UNTRUSTED
    return read(request) ?? UNCLEAR
  }
}

type Read = (request: IncomingMessage) => GateRequest | undefined

const askedItself =
  (prefix: string): Read =>
  (request) => {
    const { url = '', method = '' } = request
    if (!isWhole(request) || !url.startsWith(prefix)) return undefined
    const host = request.headers.host ?? ''
    return questionOf(request, { method, target: url.slice(prefix.length), host })
  }

/** Express 4 takes a slash too many off with the path of a mount: the proxy would go on with another address than was looked at. */
function isWhole(request: IncomingMessage & { originalUrl?: unknown; baseUrl?: unknown }): boolean {
  const { url, originalUrl, baseUrl } = request
  return typeof baseUrl !== 'string' || originalUrl === `${baseUrl}${url}`
}

/** `undefined` where the proxy says nothing, or where what it says could be the client's word. */
function askedInHeaders(request: IncomingMessage): GateRequest | undefined {
  const method = oneOf(request, 'x-forwarded-method', 'x-original-method')
  const target = oneOf(request, 'x-forwarded-uri', 'x-original-uri')
  if (method === undefined || target === undefined || isJoined(target)) return undefined
  const host = headerOf(request, 'x-forwarded-host') ?? request.headers.host ?? ''
  if (method.includes(',') || host.includes(',')) return undefined
  // Proxies add to the end of the list whom they got the request from; all before it, others say.
  const sourceAddress = headerOf(request, 'x-forwarded-for')?.split(',').at(-1)?.trim()
  return {
    ...questionOf(request, { method, target, host }),
    ...(sourceAddress === undefined ? {} : { sourceAddress }),
  }
}

/** A proxy sets one of the two; the other can come through it from the client. Where they agree, it does not matter whose it is. */
function oneOf(request: IncomingMessage, name: string, otherName: string): string | undefined {
  const [value, other] = [headerOf(request, name), headerOf(request, otherName)]
  if (value === undefined) return other
  return other === undefined || other === value ? value : undefined
}

/** Two targets under one name, joined by somebody on the way. */
function isJoined(target: string): boolean {
  return /, |,\//.test(target)
}

function questionOf(
  request: IncomingMessage,
  asked: Pick<GateRequest, 'method' | 'target' | 'host'>,
): GateRequest {
  const scheme = headerOf(request, 'x-forwarded-proto')
  return {
    ...asked,
    scheme: scheme === 'http' || scheme === 'https' ? scheme : '',
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
