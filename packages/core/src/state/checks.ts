import type { ClaimOptions, ExtendOptions, Lease, SettledState } from '../contracts/resource-states.ts'
import { MAX_LEASE_MS, MAX_STATE_KEY_BYTES } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { copyOfSettled } from './transition.ts'

/** @throws MediaError MEDIA_BAD_INPUT `bad-key` */
export function checkStateKey(key: string): void {
  if (typeof key === 'string' && key !== '' && Buffer.byteLength(key) <= MAX_STATE_KEY_BYTES) return
  throw new MediaError('MEDIA_BAD_INPUT', `states: a key has 1 to ${MAX_STATE_KEY_BYTES} bytes`, {
    reason: 'bad-key',
  })
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-time` */
export function checkClaim({ ttlMs, estimateMs }: ClaimOptions): void {
  if (!(ttlMs > 0 && ttlMs <= MAX_LEASE_MS)) throw badTime(`ttlMs is more than 0 and at most ${MAX_LEASE_MS}`)
  if (estimateMs !== undefined && !isTime(estimateMs)) throw badTime(`estimateMs is 0 to ${MAX_LEASE_MS}`)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-time` */
export function checkExtend(options: ExtendOptions): void {
  checkClaim(options)
  const { progressRatio } = options
  if (progressRatio !== undefined && !(progressRatio >= 0 && progressRatio <= 1))
    throw badTime('progressRatio is 0 to 1')
}

/**
 * The state as it may be kept: a copy of one that can be settled.
 * @throws MediaError MEDIA_BAD_INPUT `bad-state`, also for `missing` and `loading`, which untyped callers can hand in.
 */
export function settledStateOf(to: SettledState): SettledState {
  if (isSettled(to)) return copyOfSettled(to)
  throw new MediaError('MEDIA_BAD_INPUT', 'states: only ready, cold, failed or held can be settled', {
    reason: 'bad-state',
  })
}

/** MEDIA_LEASE_LOST of a lease that is not live any more. */
export function leaseLost({ key, fencingToken }: Lease): MediaError {
  return new MediaError(
    'MEDIA_LEASE_LOST',
    `states: the lease ${fencingToken} of ${JSON.stringify(key)} is over; drop what was loaded under it`,
    { reason: 'lease-over' },
  )
}

function isSettled(to: SettledState): boolean {
  switch (to.state) {
    case 'ready':
      return isWord(to.tier) && to.since instanceof Date && !Number.isNaN(to.since.getTime())
    case 'cold':
      return isWord(to.tier)
    case 'failed':
      return isWord(to.reason) && isTime(to.retryAfterMs)
    case 'held':
      return to.reason === 'pending' || to.reason === 'quarantined'
    default:
      return false
  }
}

function isTime(ms: number): boolean {
  return ms >= 0 && ms <= MAX_LEASE_MS
}

function isWord(text: string): boolean {
  return typeof text === 'string' && text !== ''
}

function badTime(what: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `states: ${what}`, { reason: 'bad-time' })
}
