import {
  type Authorizer,
  isMediaError,
  type Media,
  type Principal,
  readVerdict,
  systemClock,
} from '@mediakeep/core'
import { type BodyKind, bodyKindOf } from '../answers/direct.ts'
import type { Gate, GateAnswer, GateRequest, GateState } from '../contracts.ts'
import { FAILED_TTL_MS, SIGNATURE_WINDOW_MS } from '../defaults.ts'
import { createSignIn } from '../identity/sign-in.ts'
import { type MediaResource, mediaRoutes } from '../paths/resource.ts'
import { type CleanTarget, parseTarget } from '../paths/target.ts'
import { cacheSettings } from './cache-options.ts'
import { createFetchBudget } from './fetch-budget.ts'
import { type Grant, hasConditions, toContentRoute, toObject } from './forward.ts'
import { type GateStore, look } from './gate-store.ts'
import { createKnowledge, type KnowledgeCounts, type Known } from './knowledge.ts'
import type { GateOptions } from './options.ts'
import { createRefusals } from './refusals.ts'

/** What the gate did since it was made. */
export interface GateCounts extends KnowledgeCounts {
  readonly decisions: Readonly<Record<GateState, number>>
  readonly fetchesStarted: number
  readonly fetchesRefused: number
  readonly entries: number
  readonly usedBytes: number
}

export interface CountingGate extends Gate {
  readonly counts: GateCounts
}

/** What was made of what is known of one media: given again to all who ask the same way. */
interface Made {
  readonly answers: Map<string, { readonly answer: GateAnswer; readonly untilMs: number }>
  fetch: 'none' | 'started'
}

/** One check, from its start. */
interface Question {
  readonly request: GateRequest
  readonly target: CleanTarget
  readonly resource: MediaResource
  readonly store: GateStore
  readonly kind: BodyKind
  /** A signature of the address lets it in. */
  readonly signed: { readonly download: boolean; readonly expiresAt: Date } | undefined
}

/**
 * Makes the decision that all transports share.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`; TypeError when `authorize` is absent.
 */
export function createGate(options: GateOptions): CountingGate {
  if (typeof options?.authorize !== 'function')
    throw new TypeError(
      'the gate: authorize is required: a rule of your own, or that of ownersOnly(...) or openAccess()',
    )
  const { store, authorize, authenticate, contentRoute = 'as-is', upstreams = {}, placeholder } = options
  const clock = options.clock ?? systemClock
  const resourceOf = options.resourceOf ?? mediaRoutes()
  const settings = cacheSettings(options.decisionCache)
  const knowledge = createKnowledge<Made>(settings, clock)
  const budget = options.fetches === false ? undefined : createFetchBudget(options.fetches ?? {}, clock)
  const signIn = options.signIn === undefined ? undefined : createSignIn(options.signIn)
  const refusals = createRefusals({
    publicNames: options.publicNames ?? true,
    missingTtlMs: settings.missingTtlMs,
    loadingStatus: options.loadingStatus ?? 503,
    placeholder,
  })
  const decisions = { ready: 0, loading: 0, failed: 0, missing: 0, denied: 0 }
  let fetchesStarted = 0
  let fetchesRefused = 0
  let isClosed = false
  const stopWatching = store.watch?.((names) => knowledge.forget(names), {
    onGap: () => knowledge.doubtAll(),
  })
  const namespaces = new Map<string, GateStore>()
  const storeOf = ({ namespace }: MediaResource): GateStore | undefined => {
    if (namespace === undefined) return store
    const known = namespaces.get(namespace)
    if (known !== undefined) return known
    const view = store.in?.(namespace)
    if (view !== undefined && namespaces.size < MAX_NAMESPACES) namespaces.set(namespace, view)
    return view
  }

  const missing = ({ request, resource, kind }: Question): GateAnswer =>
    refusals.missing({ credentialed: isCredentialed(request), byKey: typeof resource.ref !== 'string' }, kind)
  /** For those who are nobody in particular: the same whether it is private or does not exist. */
  const hidden = (question: Question, principal: Principal | undefined): GateAnswer => {
    if (principal === undefined && question.signed === undefined && signIn !== undefined)
      return askToSignIn(question)
    return missing(question)
  }
  const unavailable = (kind: BodyKind): GateAnswer => refusals.unavailable('unreachable', kind)

  function decide(request: GateRequest): GateAnswer | Promise<GateAnswer> {
    const kind = bodyKindOf(request.header('accept'), placeholder !== undefined)
    if (isClosed) return refusals.unavailable('closing', kind)
    if (request.method !== 'GET' && request.method !== 'HEAD') return refusals.badMethod(kind)
    const target = parseTarget(request.target)
    if (target === undefined) return refusals.badPath(kind)
    const { path, query } = target
    const resource = resourceOf({ path, query, host: request.host, context: request.context })
    const view = resource === undefined ? undefined : storeOf(resource)
    if (resource === undefined || view === undefined)
      return refusals.missing({ credentialed: isCredentialed(request), byKey: true }, kind)
    const asked = { request, target, resource, store: view, kind }
    if (typeof resource.ref === 'string' && query.includes('sig=') && view.verifyUrl !== undefined) {
      try {
        const signed = view.verifyUrl(resource.ref, new URLSearchParams(query))
        return withPrincipal({ ...asked, signed }, undefined)
      } catch (error) {
        // Before the look-up: a bad signature answers the same whether there is such a media or not.
        if (isMediaError(error, 'MEDIA_DENIED'))
          return refusals.badSignature(error.reason ?? 'signature', kind)
        throw error
      }
    }
    const question = { ...asked, signed: undefined }
    try {
      const principal = authenticate?.(request)
      if (!isPromise(principal)) return withPrincipal(question, principal)
      return principal.then(
        (found) => withPrincipal(question, found),
        (error: unknown) => badCredentials(question, error),
      )
    } catch (error) {
      return badCredentials(question, error)
    }
  }

  function badCredentials(question: Question, error: unknown): GateAnswer {
    if (isMediaError(error, 'MEDIA_UNAUTHENTICATED')) return askToSignIn(question)
    throw error
  }

  function askToSignIn({ request, kind }: Question): GateAnswer {
    const location = signIn?.locationFor(request, request.target)
    return location === undefined ? refusals.unauthenticated(kind) : refusals.signIn(location)
  }

  function withPrincipal(
    question: Question,
    principal: Principal | undefined,
  ): GateAnswer | Promise<GateAnswer> {
    const { resource, store: view } = question
    const { ref, namespace = '' } = resource
    // No id begins with a slash: no key can be taken for one, and no namespace for a part of either.
    const key = `${namespace}\n${typeof ref === 'string' ? ref : `/${ref.key}`}`
    const known = knowledge.of(key, ref, (asked) => look(view, asked))
    if (!isPromise(known)) return withKnown(question, principal, known)
    return known.then((found) => withKnown(question, principal, found))
  }

  function withKnown(
    question: Question,
    principal: Principal | undefined,
    known: Known<Made> | undefined,
  ): GateAnswer | Promise<GateAnswer> {
    if (known === undefined) return unavailable(question.kind)
    const { media } = known.location
    if (media === undefined) return hidden(question, principal)
    if (question.signed !== undefined)
      return media.state === 'active' ? granted(question, principal, known, media) : missing(question)
    const permitted = permits(authorize, principal, media)
    const weigh = (isPermitted: boolean): GateAnswer | Promise<GateAnswer> => {
      const isOwner = principal !== undefined && (principal.admin === true || principal.id === media.owner)
      switch (readVerdict(media, { isOwner, isPermitted })) {
        case 'granted':
          return granted(question, principal, known, media)
        case 'refused':
          return principal === undefined ? askToSignIn(question) : refusals.denied(question.kind)
        case 'absent':
          return hidden(question, principal)
      }
    }
    return isPromise(permitted) ? permitted.then(weigh) : weigh(permitted)
  }

  function granted(
    question: Question,
    principal: Principal | undefined,
    known: Known<Made>,
    media: Media,
  ): GateAnswer | Promise<GateAnswer> {
    const { request, kind } = question
    const { availability } = known.location
    const isPublic = media.visibility === 'public' && !isCredentialed(request)
    const wait = (ms: number, reason: string): GateAnswer =>
      once(known, `${reason} ${kind} ${isPublic}`, () =>
        refusals.loading(media, { ms, reason, isPublic }, kind),
      )
    if (media.state === 'pending') return wait(FAILED_TTL_MS, 'pending')
    if (media.state !== 'active') return refusals.held(kind)
    switch (availability.state) {
      case 'ready':
        return ready(question, principal, known, media, availability.tier)
      case 'loading':
        return wait(availability.retryAfterMs, 'loading')
      case 'cold':
        if (startFetch(question, principal, known, media)) return wait(availability.estimateMs, 'cold')
        return refusals.failed(media, { ms: FAILED_TTL_MS, reason: 'fetch-budget' }, kind)
      case 'failed':
        return once(known, `failed ${kind}`, () =>
          refusals.failed(media, { ms: availability.retryAfterMs, reason: 'load-failed' }, kind),
        )
      case 'held':
        return availability.reason === 'pending' ? wait(FAILED_TTL_MS, 'pending') : refusals.held(kind)
      case 'missing':
        return missing(question)
    }
  }

  function ready(
    question: Question,
    principal: Principal | undefined,
    known: Known<Made>,
    media: Media,
    tier: string,
  ): GateAnswer | Promise<GateAnswer> {
    const { request, resource, signed, store: view } = question
    const { place } = known.location
    const download = resource.download === true || signed?.download === true
    const grant: Grant = { media, tier, place, download, signatureExpiresAt: signed?.expiresAt }
    const upstream = place === undefined ? undefined : upstreams[place.tier]
    const nowMs = clock.now()
    const ttlMs = Math.max(Math.round(known.untilMs - nowMs), 0)
    if (place !== undefined && upstream !== undefined) {
      const make = (): { answer: GateAnswer; untilMs: number } =>
        toObject({ ...grant, place }, request, upstream, { nowMs, ttlMs })
      // What a condition, a range or the end of a signature is part of is made for this request alone.
      if (signed !== undefined || hasConditions(request)) return make().answer
      return remembered(known, `object ${request.method} ${download}`, nowMs, make)
    }
    const keepsIdentity = options.forwardIdentity === true && principal !== undefined
    if (contentRoute === 'as-is' || signed !== undefined) {
      const make = (): GateAnswer => toContentRoute(grant, { path: undefined, keepsIdentity, ttlMs })
      return once(known, `as-is ${keepsIdentity}`, make)
    }
    const name = `signed ${download}`
    const kept = madeOf(known).answers.get(name)
    if (kept !== undefined && kept.untilMs > nowMs) return kept.answer
    // The end of a window, and one more: the same address for all who ask in it.
    const untilMs = (Math.floor(nowMs / SIGNATURE_WINDOW_MS) + 1) * SIGNATURE_WINDOW_MS
    const expiresAt = new Date(untilMs + SIGNATURE_WINDOW_MS)
    return view.url(media.id, { expiresAt, ...(download ? { download } : {}) }).then((url) => {
      const answer = toContentRoute(grant, { path: url.pathname + url.search, keepsIdentity: false, ttlMs })
      madeOf(known).answers.set(name, { answer, untilMs })
      return answer
    })
  }

  /** Asks for the bytes once for all who wait for them. False: more may not be asked for now. */
  function startFetch(
    { store: view }: Question,
    principal: Principal | undefined,
    known: Known<Made>,
    media: Media,
  ): boolean {
    const made = madeOf(known)
    if (made.fetch === 'started') return true
    if (budget?.take(principal?.id) !== true) {
      fetchesRefused += 1
      return false
    }
    made.fetch = 'started'
    fetchesStarted += 1
    // Who asked does not wait for it. What becomes of it, the next look tells.
    void view.warm(media.id).catch(() => {})
    return true
  }

  return {
    check(request) {
      let answer: GateAnswer | Promise<GateAnswer>
      try {
        answer = decide(request)
      } catch {
        answer = unavailable('problem')
      }
      if (!isPromise(answer)) return told(answer)
      return answer.then(told, () => told(unavailable('problem')))
    },
    close() {
      isClosed = true
      stopWatching?.()
    },
    get counts() {
      const { entries, usedBytes } = knowledge
      return {
        ...knowledge.counts,
        decisions: { ...decisions },
        fetchesStarted,
        fetchesRefused,
        entries,
        usedBytes,
      }
    },
  }

  function told(answer: GateAnswer): GateAnswer {
    decisions[answer.facts.state] += 1
    try {
      options.onDecision?.(answer.facts)
    } catch {
      // A listener can never change the answer.
    }
    return answer
  }
}

const MAX_NAMESPACES = 1_000

function madeOf(known: Known<Made>): Made {
  known.made ??= { answers: new Map(), fetch: 'none' }
  return known.made
}

/** The same answer for as long as what is known holds. */
function once(known: Known<Made>, name: string, make: () => GateAnswer): GateAnswer {
  return remembered(known, name, 0, () => ({ answer: make(), untilMs: Number.POSITIVE_INFINITY }))
}

function remembered(
  known: Known<Made>,
  name: string,
  nowMs: number,
  make: () => { readonly answer: GateAnswer; readonly untilMs: number },
): GateAnswer {
  const { answers } = madeOf(known)
  const kept = answers.get(name)
  if (kept !== undefined && kept.untilMs > nowMs) return kept.answer
  const made = make()
  answers.set(name, made)
  return made.answer
}

function permits(
  authorize: Authorizer,
  principal: Principal | undefined,
  media: Media,
): boolean | Promise<boolean> {
  try {
    const verdict = authorize({ principal, action: 'read', media })
    return isPromise(verdict) ? verdict.then((yes) => yes === true, noIfDenied) : verdict === true
  } catch (error) {
    return noIfDenied(error)
  }
}

function noIfDenied(error: unknown): false {
  if (isMediaError(error, 'MEDIA_DENIED')) return false
  throw error
}

/** Whether another asker could be told something else under this address. */
function isCredentialed(request: GateRequest): boolean {
  return (
    request.header('authorization') !== undefined ||
    request.header('cookie') !== undefined ||
    request.target.includes('sig=')
  )
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return value instanceof Promise || typeof (value as { then?: unknown } | undefined)?.then === 'function'
}
