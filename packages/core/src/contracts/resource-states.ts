/** A fast, shared opinion about one blob. It may be lost at any time: `undefined` means "ask the catalog". */
export type ResourceState =
  | { readonly state: 'ready'; readonly tier: string; readonly since: Date }
  | { readonly state: 'cold'; readonly tier: string }
  | { readonly state: 'loading'; readonly retryAfterMs: number; readonly leaseEndsAt: Date }
  | { readonly state: 'failed'; readonly retryAfterMs: number; readonly reason: string }
  | { readonly state: 'held'; readonly reason: 'pending' | 'quarantined' }

export interface Lease {
  readonly key: string
  /** Grows with every claim of the key; never goes back. */
  readonly fencingToken: number
  readonly endsAt: Date
}

/** Atomic changes of state, one key per blob. "missing" is never stored here: only the catalog says so. */
export interface ResourceStates {
  read(keys: readonly string[]): Promise<readonly (ResourceState | undefined)[]>
  /** `undefined`: somebody else holds it. */
  claim(key: string, options: { readonly ttlMs: number }): Promise<Lease | undefined>
  /** @throws MediaError MEDIA_LEASE_LOST */
  extend(lease: Lease, options: { readonly ttlMs: number; readonly progressRatio?: number }): Promise<Lease>
  /** @throws MediaError MEDIA_LEASE_LOST */
  settle(lease: Lease, to: ResourceState): Promise<void>
  /** Gives the lease back without an outcome; idempotent. */
  release(lease: Lease): Promise<void>
  invalidate(keys: readonly string[]): Promise<void>
  /** `onGap`: messages may have been missed; forget everything. Returns how to stop. */
  subscribe(listener: (keys: readonly string[]) => void, options: { readonly onGap: () => void }): () => void
  close(): Promise<void>
}
