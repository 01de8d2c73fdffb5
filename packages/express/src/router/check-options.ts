import { validateHeaderValue } from 'node:http'
import { DEFAULT_MULTIPART_LIMITS } from '../multipart/form.ts'
import type { RouterOptions } from './settings.ts'

/** Longest time that a timer of Node keeps; a longer one runs out at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/** What each option may be; `access` and `buckets` are looked at by the routers themselves. */
const CHECKS: Readonly<
  Record<keyof RouterOptions | 'access' | 'buckets', (value: unknown) => string | undefined>
> = {
  access: () => undefined,
  buckets: () => undefined,
  basePath: (value) =>
    typeof value === 'string' && /^(?:\/|$)/.test(value) ? undefined : 'must begin with a slash',
  maxJsonBytes: number(1),
  multipart: multipartFault,
  minBodyBytesPerSecond: number(0),
  bodyRateWindowMs: number(1, MAX_TIMER_MS),
  maxStallMs: number(0, MAX_TIMER_MS),
  challenge: (value) => (isHeaderValue(value) ? undefined : 'must be a text that a header can hold'),
  onError: (value) => (typeof value === 'function' ? undefined : 'must be a function'),
}

/**
 * A limit that is no number holds nothing back, and an option that is misspelt does nothing: neither is taken.
 * @throws TypeError naming the option
 */
export function checkRouterOptions(options: RouterOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!isKnown(name))
      throw new TypeError(`mediaRouter: ${name} is unknown; known are ${Object.keys(CHECKS).join(', ')}`)
    const fault = value === undefined ? undefined : CHECKS[name](value)
    if (fault !== undefined) throw new TypeError(`mediaRouter: ${name} ${fault}`)
  }
}

const isKnown = (name: string): name is keyof typeof CHECKS => Object.hasOwn(CHECKS, name)

function number(least: number, most = Number.POSITIVE_INFINITY): (value: unknown) => string | undefined {
  const bounds = `must be a number of at least ${least}${Number.isFinite(most) ? ` and at most ${most}` : ''}`
  return (value) => (typeof value === 'number' && value >= least && value <= most ? undefined : bounds)
}

function multipartFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'must be an object'
  const atLeastZero = number(0)
  for (const [name, limit] of Object.entries(value)) {
    if (!Object.hasOwn(DEFAULT_MULTIPART_LIMITS, name))
      return `has no ${name}; it has ${Object.keys(DEFAULT_MULTIPART_LIMITS).join(', ')}`
    const fault = limit === undefined ? undefined : atLeastZero(limit)
    if (fault !== undefined) return `${name} ${fault}`
  }
  return undefined
}

function isHeaderValue(value: unknown): boolean {
  if (typeof value !== 'string' || value === '') return false
  try {
    validateHeaderValue('www-authenticate', value)
    return true
  } catch {
    return false
  }
}
