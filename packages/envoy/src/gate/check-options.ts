import {
  anything,
  badOption,
  falseOr,
  isFunction,
  MAX_TIMER_MS,
  membersOf,
  numberFrom,
  oneOf,
  refuseBadOptions,
} from '@mediakeep/core'
import type { DecisionCacheOptions } from './cache-options.ts'
import type { FetchBudgetOptions } from './fetch-budget.ts'
import type { GateOptions } from './options.ts'

/** What each option may be; what is `anything` is looked at where it is used. */
const GATE = membersOf<GateOptions>({
  store: anything,
  authorize: anything,
  authenticate: isFunction,
  resourceOf: isFunction,
  decisionCache: falseOr(
    membersOf<DecisionCacheOptions>({
      maxEntries: numberFrom(0),
      maxBytes: numberFrom(0),
      maxMissing: numberFrom(0),
      readyTtlMs: numberFrom(0),
      loadingTtlMs: numberFrom(0),
      missingTtlMs: numberFrom(0),
      failedTtlMs: numberFrom(0),
      staleMs: numberFrom(0),
      lookTimeoutMs: numberFrom(1, MAX_TIMER_MS),
    }),
  ),
  fetches: falseOr(membersOf<FetchBudgetOptions>({ perSecond: numberFrom(0), perPrincipal: numberFrom(0) })),
  upstreams: anything,
  contentRoute: oneOf('as-is', 'signed'),
  forwardIdentity: oneOf('x-forwarded', 'x-auth-request'),
  signIn: anything,
  placeholder: anything,
  publicNames: oneOf(true, false),
  loadingStatus: oneOf(503, 429, 425, 202),
  onDecision: isFunction,
  clock: anything,
})
const SERVER = membersOf<{ readonly answerWithinMs: number }>({ answerWithinMs: numberFrom(1, MAX_TIMER_MS) })

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` */
export function checkGateOptions(options: object): void {
  refuseBadOptions('the gate', GATE, options)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` for any option */
export function refuseMore(about: string, options: object): void {
  for (const name of Object.keys(options)) throw badOption(`${about}: ${name} is unknown`)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` */
export function checkAnswerWithin(answerWithinMs: unknown): void {
  refuseBadOptions('the gate', SERVER, { answerWithinMs })
}
