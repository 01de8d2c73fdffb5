import {
  type Authorizer,
  badOption,
  isMediaError,
  type Media,
  type Principal,
  readVerdict,
  systemClock,
} from '@mediakeep/core'
import { type BodyKind, bodyKindOf } from '../answers/direct.ts'
import type { Gate, GateAnswer, GateRequest, GateState } from '../contracts.ts'
import { createSignIn } from '../identity/sign-in.ts'
import { isPromise } from '../is-promise.ts'
import { isOneHost } from '../paths/host.ts'
import { type MediaResource, mediaRoutes } from '../paths/resource.ts'
import { parseTarget } from '../paths/target.ts'
import { cacheSettings } from './cache-options.ts'
import { checkGateOptions } from './check-options.ts'
import { type GateStore, look } from './gate-store.ts'
import { createGrants } from './grants.ts'
import { createKnowledge, type KnowledgeCounts, type Known } from './knowledge.ts'
import type { Made } from './made.ts'
import type { GateOptions } from './options.ts'
import { isCredentialed, type Question } from './question.ts'
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

/**
 * Makes the decision that all transports share.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`, also when `authorize` is absent.
 */
export function createGate(options: GateOptions): CountingGate {
  if (typeof options?.authorize !== 'function')
    throw badOption(
      'the gate: authorize is required: a rule of your own, or that of ownersOnly(...) or openAccess()',
    )
  checkGateOptions(options)
  const { store, authorize, authenticate, placeholder } = options
  const clock = options.clock ?? systemClock
  const resourceOf = options.resourceOf ?? mediaRoutes()
  const settings = cacheSettings(options.decisionCache)
  const knowledge = createKnowledge<Made>(settings, clock)
  const signIn = options.signIn === undefined ? undefined : createSignIn(options.signIn)
  const refusals = createRefusals({
    publicNames: options.publicNames ?? true,
    missingTtlMs: settings.missingTtlMs,
    loadingStatus: options.loadingStatus ?? 503,
    placeholder,
  })
  const grants = createGrants(options, refusals, clock)
  const decisions = { ready: 0, loading: 0, failed: 0, missing: 0, denied: 0 }
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

  /** For those who are nobody in particular: the same whether it is private or does not exist. */
  const hidden = (question: Question, principal: Principal | undefined): GateAnswer => {
    if (principal === undefined && question.signed === undefined && signIn !== undefined)
      return askToSignIn(question)
    return refusals.missingFor(question, principal)
  }
  const unavailable = (kind: BodyKind): GateAnswer => refusals.unavailable('unreachable', kind)

  /** Read when it is needed: what goes on has no body. */
  const kindOf = (request: GateRequest): BodyKind =>
    bodyKindOf(request.header('accept'), placeholder !== undefined)

  function decide(request: GateRequest): GateAnswer | Promise<GateAnswer> {
    if (isClosed) return refusals.unavailable('closing', kindOf(request))
    if (request.method !== 'GET' && request.method !== 'HEAD') return refusals.badMethod(kindOf(request))
    const target = parseTarget(request.target)
    if (target === undefined) return refusals.badPath(kindOf(request))
    if (!isOneHost(request.host)) return refusals.badHost(kindOf(request))
    const { path, query } = target
    const resource = resourceOf({ path, query, host: request.host, context: request.context })
    const view = resource === undefined ? undefined : storeOf(resource)
    if (resource === undefined || view === undefined)
      return refusals.missing({ credentialed: isCredentialed(request), byKey: true }, kindOf(request))
    let signed: Question['signed']
    if (typeof resource.ref === 'string' && query.includes('sig=') && view.verifyUrl !== undefined) {
      try {
        signed = view.verifyUrl(resource.ref, new URLSearchParams(query))
      } catch (error) {
        // Before the look-up: a bad signature answers the same whether there is such a media or not.
        if (isMediaError(error, 'MEDIA_DENIED'))
          return refusals.badSignature(error.reason ?? 'signature', kindOf(request))
        throw error
      }
    }
    const question: Question = {
      request,
      target,
      resource,
      store: view,
      signed,
      kind: () => kindOf(request),
    }
    if (signed !== undefined) return withPrincipal(question, undefined)
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
    return location === undefined ? refusals.unauthenticated(kind()) : refusals.signIn(location)
  }

  function withPrincipal(
    question: Question,
    principal: Principal | undefined,
  ): GateAnswer | Promise<GateAnswer> {
    const { request, resource, store: view } = question
    const { ref, namespace = '' } = resource
    // No id begins with a slash: no key can be taken for one, and no namespace for a part of either.
    const key = `${namespace}\n${typeof ref === 'string' ? ref : `/${ref.key}`}`
    const known = knowledge.of(key, ref, (asked, options) => look(view, asked, options), request.deadlineMs)
    if (!isPromise(known)) return withKnown(question, principal, known)
    return known.then((found) => withKnown(question, principal, found))
  }

  function withKnown(
    question: Question,
    principal: Principal | undefined,
    known: Known<Made> | undefined,
  ): GateAnswer | Promise<GateAnswer> {
    if (known === undefined) return unavailable(question.kind())
    const { media } = known.location
    if (media === undefined) return hidden(question, principal)
    if (question.signed !== undefined)
      return media.state === 'active'
        ? grants.granted(question, principal, known, media)
        : refusals.missingFor(question)
    const permitted = permits(authorize, principal, media)
    const weigh = (isPermitted: boolean): GateAnswer | Promise<GateAnswer> => {
      const isOwner = principal !== undefined && (principal.admin === true || principal.id === media.owner)
      switch (readVerdict(media, { isOwner, isPermitted })) {
        case 'granted':
          return grants.granted(question, principal, known, media)
        case 'refused':
          return principal === undefined ? askToSignIn(question) : refusals.denied(question.kind())
        case 'absent':
          return hidden(question, principal)
      }
    }
    return isPromise(permitted) ? permitted.then(weigh) : weigh(permitted)
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
      const { fetchesStarted, fetchesRefused } = grants
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
