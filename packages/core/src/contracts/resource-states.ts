/** A fast, shared opinion about one blob. It may be lost at any time: `undefined` means "ask the catalog". */
export type ResourceState = SettledState | LoadingState

/** Under a live lease. Nobody settles it by hand: `claim` makes it, and it ends with its lease. */
export interface LoadingState {
  readonly state: 'loading'
  /** When asking again is reasonable: what the holder estimated, counted down. */
  readonly retryAfterMs: number
  readonly leaseEndsAt: Date
}

/** What a holder may settle. `missing` is none of them: only the catalog says so. */
export type SettledState =
  | { readonly state: 'ready'; readonly tier: string; readonly since: Date }
  | { readonly state: 'cold'; readonly tier: string }
  /** Forgotten when `retryAfterMs` is over, which `read` counts down; until then nobody claims it. */
  | { readonly state: 'failed'; readonly retryAfterMs: number; readonly reason: string }
  | { readonly state: 'held'; readonly reason: 'pending' | 'quarantined' }

export interface Lease {
  readonly key: string
  /** Grows with every claim of the key, also after all was lost or invalidated; never goes back. */
  readonly fencingToken: number
  readonly endsAt: Date
}

export interface ClaimOptions {
  /** Life of the lease, more than 0 and at most a day. */
  readonly ttlMs: number
  /** How long the load is expected to take from now, for `retryAfterMs` of readers. Default 1 s. */
  readonly estimateMs?: number
}

export interface ReadStatesOptions {
  /**
   * How long the whole read may take, where states are asked for over a network; less than what is usual there. After it:
   * MEDIA_UNAVAILABLE. Default: what is usual.
   */
  readonly withinMs?: number
}

export interface ExtendOptions extends ClaimOptions {
  /** Done so far, 0 to 1: makes the estimate where there is none, from the time since the claim. */
  readonly progressRatio?: number
}

/**
 * Atomic changes of state, one key per blob. "missing" is never stored here: only the catalog says so.
 *
 * A lease is live from its claim until it is settled, released, invalidated, lost, or its end has passed; at most one
 * lease of a key is live. What is settled may be forgotten at any time, a live lease may not be given to another.
 * All but `close` throw MEDIA_BAD_INPUT `bad-key` for a key that is empty or longer than 256 bytes, and MEDIA_CLOSED
 * after `close`. Where states are shared and cannot be reached it is MEDIA_UNAVAILABLE: what was asked may have happened or not.
 * What is given out is the caller's own: changing it changes nothing here.
 */
export interface ResourceStates {
  /** One answer per key, in the order given. `undefined`: not known, or known no longer. */
  read(keys: readonly string[], options?: ReadStatesOptions): Promise<readonly (ResourceState | undefined)[]>
  /**
   * The lease to load what is unknown, cold, failed and due again, or loading under a lease that has ended.
   * `undefined`: somebody else holds it, or there is nothing to load: it is ready, held, or failed a short while ago.
   * @throws MediaError MEDIA_BAD_INPUT `bad-time`; MEDIA_BUSY when no more leases can be kept.
   */
  claim(key: string, options: ClaimOptions): Promise<Lease | undefined>
  /**
   * Moves the end of a live lease to `ttlMs` from now, never nearer. The token stays: it, not `endsAt`, says which lease.
   * @throws MediaError MEDIA_LEASE_LOST when it is not live any more; MEDIA_BAD_INPUT `bad-time`.
   */
  extend(lease: Lease, options: ExtendOptions): Promise<Lease>
  /**
   * Ends a live lease with an outcome.
   * @throws MediaError MEDIA_LEASE_LOST when it is not live any more: nothing is changed. MEDIA_BAD_INPUT `bad-state`.
   */
  settle(lease: Lease, to: SettledState): Promise<void>
  /** Gives the lease back without an outcome: the key is unknown again. Does nothing to a lease that is not live any more. */
  release(lease: Lease): Promise<void>
  /** Forgets the keys and ends their leases: nothing that was found out before is settled after it. */
  invalidate(keys: readonly string[]): Promise<void>
  /**
   * Tells of keys whose state was changed by any handle, this one too, after the change: claimed, settled, released or
   * invalidated. Not of progress, nor of what only ended with time. What a listener throws is swallowed.
   * `onGap`: messages may have been missed; forget everything. Where it takes a while until changes of others are heard of, it is
   * called when they are. Returns how to stop.
   */
  subscribe(listener: (keys: readonly string[]) => void, options: { readonly onGap: () => void }): () => void
  /** Ends its subscriptions; idempotent. Its leases stay until their end, as those of a process that died. */
  close(): Promise<void>
}
