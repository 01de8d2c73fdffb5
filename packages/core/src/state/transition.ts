import type { ResourceState, SettledState } from '../contracts/resource-states.ts'
import { LOADING_RETRY_AFTER_MS, MAX_LEASE_MS, MIN_LOADING_RETRY_AFTER_MS } from '../defaults.ts'

/*
 * cold, failed, unknown ─claim→ loading ─settle→ ready | cold | failed | held; ready, held ─invalidate→ unknown.
 *
 * The states of one key as a function of what was and what happens: no clock, no storage. What every backend does in one
 * atomic step (a turn of the event loop here, one script in Redis) is this function.
 *
 * Who holds a lease is decided by its token alone, and whether it is live by its end alone. So a holder that slept
 * through its end is refused also when nobody took over: it cannot know that nobody did. And `invalidate` ends leases,
 * because their holders began before what was invalidated had changed: what they would settle is the old truth.
 */

/** What is kept of a key. */
export type StateEntry = LoadingEntry | SettledEntry

export interface LoadingEntry {
  readonly type: 'loading'
  readonly token: number
  readonly claimedAtMs: number
  /** When the load is expected to be done. */
  readonly dueAtMs: number
  readonly endsAtMs: number
}

export interface SettledEntry {
  readonly type: 'settled'
  readonly state: SettledState
  /** Forgotten from then on. */
  readonly endsAtMs: number
}

export type StateEvent =
  | { readonly type: 'claim'; readonly ttlMs: number; readonly estimateMs?: number }
  | {
      readonly type: 'extend'
      readonly token: number
      readonly ttlMs: number
      readonly estimateMs?: number
      readonly progressRatio?: number
    }
  | { readonly type: 'settle'; readonly token: number; readonly to: SettledState }
  | { readonly type: 'release'; readonly token: number }
  | { readonly type: 'invalidate' }

export interface StateContext {
  readonly nowMs: number
  /** The last token this backend gave for any key, or for this one. */
  readonly lastToken: number
  /** How long a settled state is believed; `failed` has a time of its own. */
  readonly settledTtlMs: number
}

export interface StateStep {
  /** What is to be kept; `undefined`: nothing. */
  readonly entry: StateEntry | undefined
  /** Whether the event happened; when not, `entry` is what was there. */
  readonly accepted: boolean
}

/** What becomes of a key. Total: every event has an outcome on every entry. */
export function transition(
  before: StateEntry | undefined,
  event: StateEvent,
  context: StateContext,
): StateStep {
  const entry = liveEntry(before, context.nowMs)
  switch (event.type) {
    case 'claim':
      if (entry?.type === 'loading') return refused(entry)
      if (entry !== undefined && entry.state.state !== 'cold') return refused(entry)
      return accepted(claimed(event, context))
    case 'extend':
      if (!isHeldBy(entry, event.token)) return refused(entry)
      return accepted({
        ...entry,
        endsAtMs: Math.max(entry.endsAtMs, context.nowMs + event.ttlMs),
        dueAtMs: dueAfter(entry, event, context.nowMs),
      })
    case 'settle': {
      if (!isHeldBy(entry, event.token)) return refused(entry)
      const lifeMs = event.to.state === 'failed' ? event.to.retryAfterMs : context.settledTtlMs
      return accepted({ type: 'settled', state: event.to, endsAtMs: context.nowMs + lifeMs })
    }
    case 'release':
      return isHeldBy(entry, event.token) ? accepted(undefined) : refused(entry)
    case 'invalidate':
      return accepted(undefined)
  }
}

/** The entry, or nothing once its end has passed. */
export function liveEntry(entry: StateEntry | undefined, nowMs: number): StateEntry | undefined {
  return entry !== undefined && entry.endsAtMs > nowMs ? entry : undefined
}

/** What readers are told, as values of their own. */
export function stateOf(entry: StateEntry | undefined, nowMs: number): ResourceState | undefined {
  const live = liveEntry(entry, nowMs)
  if (live === undefined) return undefined
  if (live.type === 'loading') {
    return {
      state: 'loading',
      retryAfterMs: Math.max(live.dueAtMs - nowMs, MIN_LOADING_RETRY_AFTER_MS),
      leaseEndsAt: new Date(live.endsAtMs),
    }
  }
  return live.state.state === 'failed'
    ? { ...live.state, retryAfterMs: live.endsAtMs - nowMs }
    : copyOfSettled(live.state)
}

/** The same state; nobody else has its date. */
export function copyOfSettled(state: SettledState): SettledState {
  return state.state === 'ready' ? { ...state, since: new Date(state.since) } : { ...state }
}

function claimed(event: StateEvent & { type: 'claim' }, { nowMs, lastToken }: StateContext): LoadingEntry {
  return {
    type: 'loading',
    // By time, so that it grows also where the last one was lost; by one, so that it grows within one instant.
    token: Math.max(lastToken + 1, Math.floor(nowMs * 1000)),
    claimedAtMs: nowMs,
    dueAtMs: nowMs + (event.estimateMs ?? LOADING_RETRY_AFTER_MS),
    endsAtMs: nowMs + event.ttlMs,
  }
}

function dueAfter(entry: LoadingEntry, event: StateEvent & { type: 'extend' }, nowMs: number): number {
  const { estimateMs, progressRatio } = event
  if (estimateMs !== undefined) return nowMs + estimateMs
  if (progressRatio === undefined || progressRatio === 0) return entry.dueAtMs
  const spentMs = Math.max(nowMs - entry.claimedAtMs, 0)
  return nowMs + Math.min((spentMs * (1 - progressRatio)) / progressRatio, MAX_LEASE_MS)
}

function isHeldBy(entry: StateEntry | undefined, token: number): entry is LoadingEntry {
  return entry?.type === 'loading' && entry.token === token
}

function accepted(entry: StateEntry | undefined): StateStep {
  return { entry, accepted: true }
}

function refused(entry: StateEntry | undefined): StateStep {
  return { entry, accepted: false }
}
