import type { Clock, Media, Principal } from '@mediakeep/core'
import type { GateAnswer, GateRequest } from '../contracts.ts'
import { FAILED_TTL_MS, SIGNATURE_WINDOW_MS } from '../defaults.ts'
import { createFetchBudget } from './fetch-budget.ts'
import { type Grant, hasConditions, toContentRoute, toObject } from './forward.ts'
import type { Known } from './knowledge.ts'
import { type Made, madeOf, once, remembered } from './made.ts'
import type { GateOptions } from './options.ts'
import { isCredentialed, type Question } from './question.ts'
import type { Refusals } from './refusals.ts'

/** What becomes of a check whose asker may read the media. */
export interface Grants {
  granted(
    question: Question,
    principal: Principal | undefined,
    known: Known<Made>,
    media: Media,
  ): GateAnswer | Promise<GateAnswer>
  readonly fetchesStarted: number
  readonly fetchesRefused: number
}

export function createGrants(
  options: Pick<GateOptions, 'contentRoute' | 'upstreams' | 'forwardIdentity' | 'fetches'>,
  refusals: Refusals,
  clock: Clock,
): Grants {
  const { contentRoute = 'as-is', upstreams = {} } = options
  const budget = options.fetches === false ? undefined : createFetchBudget(options.fetches ?? {}, clock)
  let fetchesStarted = 0
  let fetchesRefused = 0

  function granted(
    question: Question,
    principal: Principal | undefined,
    known: Known<Made>,
    media: Media,
  ): GateAnswer | Promise<GateAnswer> {
    const { availability } = known.location
    // Asked for what only a refusal needs when there is one: most checks are ready.
    const wait = (ms: number, reason: string): GateAnswer => {
      const { request } = question
      const kind = question.kind()
      const isPublic = media.visibility === 'public' && !isCredentialed(request, principal)
      return once(known, `${reason} ${kind} ${isPublic}`, () =>
        refusals.loading(media, { ms, reason, isPublic }, kind),
      )
    }
    if (media.state === 'pending') return wait(FAILED_TTL_MS, 'pending')
    if (media.state !== 'active') return refusals.held(question.kind())
    switch (availability.state) {
      case 'ready':
        return ready(question, principal, known, media, availability.tier)
      case 'loading':
        return wait(availability.retryAfterMs, 'loading')
      case 'cold':
        if (startFetch(question, principal, known, media)) return wait(availability.estimateMs, 'cold')
        return tryLater(question, known, media, { ms: FAILED_TTL_MS, reason: 'fetch-budget' })
      case 'failed':
        return tryLater(question, known, media, { ms: availability.retryAfterMs, reason: 'load-failed' })
      case 'held':
        return availability.reason === 'pending'
          ? wait(FAILED_TTL_MS, 'pending')
          : refusals.held(question.kind())
      case 'missing':
        return refusals.missingFor(question, principal)
    }
  }

  function tryLater(
    question: Question,
    known: Known<Made>,
    media: Media,
    wait: { readonly ms: number; readonly reason: string },
  ): GateAnswer {
    const kind = question.kind()
    return once(known, `${wait.reason} ${kind}`, () => refusals.failed(media, wait, kind))
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
    const grantOf = (): Grant => ({ media, tier, place, download, signatureExpiresAt: signed?.expiresAt })
    const upstream = place === undefined ? undefined : upstreams[place.tier]
    const nowMs = clock.now()
    const ttlMs = Math.max(Math.round(known.untilMs - nowMs), 0)
    if (place !== undefined && upstream !== undefined) {
      const make = (): { answer: GateAnswer; untilMs: number } =>
        toObject({ ...grantOf(), place }, request, upstream, { nowMs, ttlMs })
      // What a condition, a range or the end of a signature is part of is made for this request alone.
      if (signed !== undefined || hasConditions(request)) return make().answer
      return remembered(known, `object ${request.method} ${download}`, nowMs, make)
    }
    const keptIdentity = principal === undefined ? undefined : options.forwardIdentity
    if (contentRoute === 'as-is' || signed !== undefined) {
      const make = (): GateAnswer => toContentRoute(grantOf(), { path: undefined, keptIdentity, ttlMs })
      return once(known, `as-is ${keptIdentity}`, make)
    }
    const name = `signed ${download}`
    const kept = madeOf(known).answers.get(name)
    if (kept !== undefined && kept.untilMs > nowMs) return kept.answer
    // The end of a window, and one more: the same address for all who ask in it.
    const untilMs = (Math.floor(nowMs / SIGNATURE_WINDOW_MS) + 1) * SIGNATURE_WINDOW_MS
    const expiresAt = new Date(untilMs + SIGNATURE_WINDOW_MS)
    return view.url(media.id, { expiresAt, ...(download ? { download } : {}) }).then((url) => {
      const answer = toContentRoute(grantOf(), {
        path: url.pathname + url.search,
        keptIdentity: undefined,
        ttlMs,
      })
      madeOf(known).answers.set(name, { answer, untilMs })
      return answer
    })
  }

  /** Asks for the bytes once for all who wait for them. False: more may not be asked for now. */
  function startFetch(
    { store: view, request }: Question,
    principal: Principal | undefined,
    known: Known<Made>,
    media: Media,
  ): boolean {
    const made = madeOf(known)
    if (made.fetch === 'started') return true
    if (budget?.take(askerOf(request, principal)) !== true) {
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
    granted,
    get fetchesStarted() {
      return fetchesStarted
    },
    get fetchesRefused() {
      return fetchesRefused
    },
  }
}

/** Whose fetches are counted together: a user's, or those of one address. */
function askerOf({ sourceAddress = '' }: GateRequest, principal: Principal | undefined): string {
  return principal === undefined ? `a${sourceAddress}` : `p${principal.id}`
}
