import {
  entityOf,
  type HeaderList,
  headerIn,
  type Media,
  type MediaError,
  type MediaPlace,
  planRead,
  type ReadPlan,
  type ReadRequest,
} from '@mediakeep/core'
import { plainAnswer, refuse } from '../answers/direct.ts'
import type { DirectAnswer, ForwardAnswer, GateAnswer, GateFacts, GateRequest } from '../contracts.ts'
import { type IdentityHeaders, identityHeadersBut } from '../identity/oauth2-proxy.ts'
import type { Upstream } from '../upstream/upstream.ts'

/** Conditions and ranges: what makes two reads of one media differ. */
const CONDITIONS = [
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
] as const
/** Names of ours that clients might send: each is set, or taken away. */
const OWN_HEADERS = [
  'x-media-state',
  'x-media-id',
  'x-media-digest',
  'x-media-tier',
  'x-media-origin',
] as const

export interface Grant {
  readonly media: Media
  readonly tier: string
  readonly place: MediaPlace | undefined
  readonly download: boolean
  readonly signatureExpiresAt: Date | undefined
}

export function hasConditions(request: GateRequest): boolean {
  return CONDITIONS.some((name) => request.header(name) !== undefined)
}

/** What the request goes on with to the content route, which weighs conditions and ranges itself. */
export function toContentRoute(
  grant: Grant,
  route: {
    readonly path: string | undefined
    readonly keptIdentity: IdentityHeaders | undefined
    readonly ttlMs: number
  },
): ForwardAnswer {
  const remove = route.path === undefined ? [] : ['authorization', 'cookie']
  return {
    kind: 'forward',
    ...(route.path === undefined ? {} : { path: route.path }),
    requestHeaders: ownHeaders(grant, 'content'),
    removeRequestHeaders: [...remove, ...absentOwnHeaders(grant), ...identityHeadersBut(route.keptIdentity)],
    responseHeaders: ['x-media-state', 'ready'],
    replaceResponseHeaders: [],
    facts: factsOf(grant, route.ttlMs),
  }
}

/**
 * The object itself, read by the proxy from its store. Stores weigh conditions and ranges in ways of their own, or not at all, and know
 * neither our tag nor our headers: so they are asked for one range or the whole, and all else is answered or set here.
 */
export function toObject(
  grant: Grant & { readonly place: MediaPlace },
  request: GateRequest,
  upstream: Upstream,
  options: { readonly nowMs: number; readonly ttlMs: number },
): { readonly answer: GateAnswer; readonly untilMs: number } {
  const { media, place, download, signatureExpiresAt } = grant
  const { nowMs } = options
  const method = request.method === 'HEAD' ? 'HEAD' : 'GET'
  const facts = factsOf(grant, options.ttlMs)
  const planOptions = {
    nowMs,
    download,
    ...(signatureExpiresAt === undefined ? {} : { signatureExpiresAt }),
  }
  const entity = entityOf(media)
  const asked: ReadRequest = { method, headers: conditionsOf(request) }
  let plan = planRead(asked, entity, planOptions)
  // Several ranges in one answer are more than stores can: the whole is as right. @see RFC 9110 section 14.2
  if (plan.body.kind === 'multipart') plan = planRead({ method, headers: {} }, entity, planOptions)
  if (plan.body.kind === 'problem') return { answer: problem(plan, plan.body.error, facts), untilMs: nowMs }
  if (plan.status === 304) return { answer: plainAnswer(304, lower(plan.headers), facts), untilMs: nowMs }

  const target = upstream.target(
    {
      method,
      objectKey: place.objectKey,
      contentType: headerIn(plan.headers, 'content-type') ?? 'application/octet-stream',
      disposition: headerIn(plan.headers, 'content-disposition') ?? 'attachment',
      cacheControl: headerIn(plan.headers, 'cache-control') ?? 'private, no-store',
    },
    nowMs,
  )
  const range =
    plan.body.kind === 'range'
      ? ['range', `bytes=${plan.body.range.start}-${plan.body.range.endExclusive - 1}`]
      : []
  const requestHeaders = [...ownHeaders(grant, place.tier), ...target.headers, ...range]
  // Proxies remove after they set: what is set must not be among what goes.
  const removed = [
    'authorization',
    'cookie',
    ...CONDITIONS,
    ...absentOwnHeaders(grant),
    ...identityHeadersBut(undefined),
  ]
  const answer: ForwardAnswer = {
    kind: 'forward',
    path: target.path,
    requestHeaders,
    removeRequestHeaders: removed.filter((name) => headerIn(requestHeaders, name) === undefined),
    responseHeaders: ['x-media-state', 'ready', ...pick(plan.headers, ALWAYS)],
    replaceResponseHeaders: pick(plan.headers, IF_THERE),
    facts,
  }
  return { answer, untilMs: target.untilMs }
}

/** Safe on every answer, the store's errors too. */
const ALWAYS = ['x-content-type-options', 'content-security-policy', 'cross-origin-resource-policy', 'vary']
/** Only in place of the store's own: an error page must not carry the tag of the media. */
const IF_THERE = ['etag', 'last-modified']

function problem(plan: ReadPlan, error: MediaError, facts: GateFacts): DirectAnswer {
  return refuse({
    state: 'ready',
    reason: plan.status === 412 ? 'precondition' : 'range',
    code: error.code,
    message: error.message,
    headers: lower(plan.headers),
    ttlMs: facts.ttlMs,
  })
}

function factsOf({ media, tier }: Grant, ttlMs: number): GateFacts {
  return { state: 'ready', tier, mediaId: media.id, ttlMs }
}

function ownHeaders({ media, tier: name }: Grant, originTier: string): HeaderList {
  const [tier, origin] = [headerWord(name), headerWord(originTier)]
  const list = [
    'x-media-state',
    'ready',
    'x-media-id',
    media.id,
    'x-media-tier',
    tier,
    'x-media-origin',
    origin,
  ]
  return media.digest === undefined ? list : [...list, 'x-media-digest', media.digest]
}

/** Tiers are named as hosts like; headers of Envoy hold ASCII. */
function headerWord(name: string): string {
  return /^[\x21-\x7e]+$/.test(name) ? name : encodeURIComponent(name)
}

function absentOwnHeaders({ media }: Grant): readonly string[] {
  return media.digest === undefined ? OWN_HEADERS.filter((name) => name === 'x-media-digest') : []
}

function conditionsOf(request: GateRequest): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of CONDITIONS) {
    const value = request.header(name)
    if (value !== undefined) headers[name] = value
  }
  return headers
}

function pick(headers: HeaderList, names: readonly string[]): HeaderList {
  return names.flatMap((name) => {
    const value = headerIn(headers, name)
    return value === undefined ? [] : [name, value]
  })
}

function lower(headers: HeaderList): HeaderList {
  return headers.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text))
}
