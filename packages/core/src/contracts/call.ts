/**
 * Why an object store is called, for the ledger. `read` and `write`: a call of the application. `burst`: a write that went to a paid tier
 * instead. `promote` and `demote`: a copy that moves. `heal`: a copy that moves back after a burst or failover. `probe`: health and set-up.
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

/** Who made the call, for logs, events and audit. Always passed explicitly. */
export interface CallContext {
  readonly requestId?: string
  readonly traceparent?: string
  readonly principalId?: string
  /** Default `read` for reads and `write` for writes. */
  readonly cause?: CallCause
}

/** Options that every call to a store takes. */
export interface Call {
  /** Aborts the call, which then throws the signal's reason unchanged. */
  readonly signal?: AbortSignal
  /** The call fails with MEDIA_TIMEOUT once this instant has passed. */
  readonly deadlineAt?: Date
  readonly context?: CallContext
}
