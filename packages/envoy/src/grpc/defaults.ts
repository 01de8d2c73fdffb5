/** Largest question: headers as large as Envoy takes them (60 KiB), twice. */
export const MAX_CHECK_BYTES: number = 128 * 1024
/** A question is answered within this time, also when the gate is slow: before Envoy's own timeout of 200 ms. */
export const ANSWER_WITHIN_MS = 150
/** So long before the deadline of whoever asks: the answer has a way to go. */
export const DEADLINE_MARGIN_MS = 20
/** A connection is renewed after this time, so that load spreads over instances that came later. */
export const MAX_CONNECTION_AGE_MS: number = 5 * 60_000
/** What questions under way on it may take then. */
export const CONNECTION_AGE_GRACE_MS = 10_000
/** A silent connection is asked for a sign of life. */
export const KEEPALIVE_MS = 30_000
export const KEEPALIVE_TIMEOUT_MS = 5_000
/** Questions under way on one connection. */
export const MAX_CONCURRENT_CHECKS = 1_000
/** How long `close` waits for questions under way. */
export const CLOSE_GRACE_MS = 5_000
