/** Who asked, for logs, events and audit; passed explicitly, never ambient. */
export interface CallContext {
  readonly requestId?: string
  readonly traceparent?: string
  readonly principalId?: string
}

/** Options that every call to a store takes. */
export interface Call {
  /** Ends the call; its reason is thrown untouched. */
  readonly signal?: AbortSignal
  /** The call fails with MEDIA_TIMEOUT once this instant has passed. */
  readonly deadlineAt?: Date
  readonly context?: CallContext
}
