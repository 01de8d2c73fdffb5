import { MediaError } from '@mediakeep/core'
import type { DecisionCacheOptions } from './cache-options.ts'
import type { FetchBudgetOptions } from './fetch-budget.ts'
import type { GateOptions } from './options.ts'

/** Longest time that a timer of Node keeps; a longer one runs out at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** What is wrong with a value. */
type Fault = (value: unknown) => string | undefined
type FaultsOf<T> = { readonly [Name in keyof Required<T>]: Fault }

const whatever: Fault = () => undefined

const CACHE: FaultsOf<DecisionCacheOptions> = {
  maxEntries: number(0),
  maxBytes: number(0),
  maxMissing: number(0),
  readyTtlMs: number(0),
  loadingTtlMs: number(0),
  missingTtlMs: number(0),
  failedTtlMs: number(0),
  staleMs: number(0),
  lookTimeoutMs: number(1, MAX_TIMER_MS),
}
const FETCHES: FaultsOf<FetchBudgetOptions> = { perSecond: number(0), perPrincipal: number(0) }

/** What each option may be; what is `whatever` is looked at where it is used. */
const GATE: FaultsOf<GateOptions> = {
  store: whatever,
  authorize: whatever,
  authenticate: isFunction,
  resourceOf: isFunction,
  decisionCache: falseOr(CACHE),
  fetches: falseOr(FETCHES),
  upstreams: whatever,
  contentRoute: oneOf('as-is', 'signed'),
  forwardIdentity: oneOf('x-forwarded', 'x-auth-request'),
  signIn: whatever,
  placeholder: whatever,
  publicNames: oneOf(true, false),
  loadingStatus: oneOf(503, 429, 425, 202),
  onDecision: isFunction,
  clock: whatever,
}

/**
 * A limit that is no number holds nothing back: what may be fetched, and for how long an old answer is given. An option that is
 * misspelt does nothing. Neither is taken.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`
 */
export function checkGateOptions(options: object): void {
  const fault = faultIn(GATE, options)
  if (fault !== undefined) throw badOption(`the gate: ${fault}`)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` for any option */
export function refuseMore(about: string, options: object): void {
  for (const name of Object.keys(options)) throw badOption(`${about}: ${name} is unknown`)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` */
export function checkAnswerWithin(answerWithinMs: unknown): void {
  const fault = number(1, MAX_TIMER_MS)(answerWithinMs)
  if (fault !== undefined) throw badOption(`the gate: answerWithinMs ${fault}`)
}

function faultIn(faults: Readonly<Record<string, Fault>>, options: object): string | undefined {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(faults, name)) return `${name} is unknown; known are ${Object.keys(faults).join(', ')}`
    const fault = value === undefined ? undefined : faults[name]?.(value)
    if (fault !== undefined) return `${name} ${fault}`
  }
  return undefined
}

function number(least: number, most = Number.POSITIVE_INFINITY): Fault {
  const bounds = `must be a number of at least ${least}${Number.isFinite(most) ? ` and at most ${most}` : ''}`
  return (value) => (typeof value === 'number' && value >= least && value <= most ? undefined : bounds)
}

function oneOf(...words: readonly (string | number | boolean)[]): Fault {
  return (value) => (words.some((word) => word === value) ? undefined : `must be one of ${words.join(', ')}`)
}

function isFunction(value: unknown): string | undefined {
  return typeof value === 'function' ? undefined : 'must be a function'
}

function falseOr(faults: Readonly<Record<string, Fault>>): Fault {
  return (value) => {
    if (value === false) return undefined
    if (typeof value !== 'object' || value === null) return 'must be an object, or false'
    return faultIn(faults, value)
  }
}

function badOption(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-option' })
}
