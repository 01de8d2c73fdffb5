import { validateHeaderValue } from 'node:http'
import {
  anything,
  isFunction,
  MAX_TIMER_MS,
  membersOf,
  numberFrom,
  refuseBadOptions,
  valueThat,
} from '@mediakeep/core'
import type { MultipartLimits } from '../multipart/form.ts'
import type { RouterOptions } from './settings.ts'

const multipart = membersOf<MultipartLimits>({
  maxHeadBytes: numberFrom(0),
  maxHeadLines: numberFrom(0),
  maxStrayBytes: numberFrom(0),
  maxFields: numberFrom(0),
  maxFieldBytes: numberFrom(0),
  maxFieldNameBytes: numberFrom(0),
})

/** What each option may be; `access` and `buckets` are looked at by the routers themselves. */
const OPTIONS = membersOf<RouterOptions & { readonly access: unknown; readonly buckets: unknown }>({
  access: anything,
  buckets: anything,
  basePath: valueThat(
    (value) => typeof value === 'string' && /^(?:\/|$)/.test(value),
    'must begin with a slash',
  ),
  maxJsonBytes: numberFrom(1),
  multipart,
  minBodyBytesPerSecond: numberFrom(0),
  bodyRateWindowMs: numberFrom(1, MAX_TIMER_MS),
  maxStallMs: numberFrom(0, MAX_TIMER_MS),
  challenge: valueThat(isHeaderValue, 'must be a text that a header can hold'),
  onError: isFunction,
})

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` */
export function checkRouterOptions(router: string, options: RouterOptions): void {
  refuseBadOptions(router, OPTIONS, options)
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
