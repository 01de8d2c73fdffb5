/**
 * Why a store is asked, for the ledger. `read` and `write`: a host's own call. `burst`: a write that went to a paid tier.
 * `promote` and `demote`: a copy that moves. `heal`: one that comes back after a failover. `probe`: health and set-up.
 */
export type CallCause =
  | 'read'
  | 'write'
  | 'burst'
  | 'promote'
  | 'demote'
  | 'heal'
  | 'repair'
  | 'verify'
  | 'gc'
  | 'import'
  | 'reconcile'
  | 'probe'

/** Who asked, for logs, events and audit; passed explicitly, never ambient. */
export interface CallContext {
  readonly requestId?: string
  readonly traceparent?: string
  readonly principalId?: string
  /** Default `read` for reads and `write` for writes. */
  readonly cause?: CallCause
}

/** Options that every call to a store takes. */
export interface Call {
  /** Ends the call; its reason is thrown untouched. */
  readonly signal?: AbortSignal
  /** The call fails with MEDIA_TIMEOUT once this instant has passed. */
  readonly deadlineAt?: Date
  readonly context?: CallContext
}
