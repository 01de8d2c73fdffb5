/** Longest path and query that is looked at; more is refused. */
export const MAX_TARGET_BYTES = 8_192
/** How long an answer is believed that nobody told to have changed: bytes that serve. */
export const READY_TTL_MS = 5_000
/** The same of a media on its way. */
export const LOADING_TTL_MS = 1_000
/** The same of names that the catalog does not know. */
export const MISSING_TTL_MS = 5_000
/** The same of media that fail, wait for a fetch, or are held back. */
export const FAILED_TTL_MS = 1_000
/** Share by which lives of answers and waits are spread, so that they do not end together. */
export const JITTER_RATIO = 0.1
/** How old the last known answer may be when the catalog or the states do not answer. */
export const STALE_MS = 30_000
/** How long a look may take before the last known answer is given, or none. Envoy waits 200 ms by default. */
export const LOOK_TIMEOUT_MS = 100
/** How long after a look that failed the next one waits. */
export const LOOK_PAUSE_MS = 200
/** Names known to be there, kept at once. */
export const CACHE_ENTRIES = 20_000
/** Memory that they may take, about. */
export const CACHE_BYTES = 134_217_728
/** Names known to be missing, kept at once: those that are there are never forgotten for them. */
export const CACHE_MISSING = 10_000
/** Retry-After is never less. */
export const MIN_RETRY_SECONDS = 1
/** Retry-After is never more. */
export const MAX_RETRY_SECONDS = 60
/** A shared cache keeps "loading" no longer than this. */
export const LOADING_MAX_AGE_SECONDS = 5
/** Fetches that checks may start, a second, over all askers. */
export const FETCHES_PER_SECOND = 50
/** Fetches that checks may start, a second, for one asker. */
export const FETCHES_PER_PRINCIPAL = 10
/** Askers whose fetches are counted one by one; those who came longest ago are forgotten. */
export const MAX_FETCH_PRINCIPALS = 10_000
/** How long a signed address of the content route, or of a bucket, stays the same. */
export const SIGNATURE_WINDOW_MS = 60_000
/** Largest question: headers as large as Envoy takes them (60 KiB), twice. */
export const MAX_CHECK_BYTES: number = 128 * 1024
/** A question is answered within this time, also when the gate is slow: before Envoy's own timeout of 200 ms. */
export const ANSWER_WITHIN_MS = 150
/** So long before the deadline of whoever asks: the answer has a way to go. */
export const DEADLINE_MARGIN_MS = 20
/** A timer that is so late was kept waiting by this process. */
export const BUSY_MS = 10
/** How long an answer is waited for after that: others had no chance to be heard. */
export const BUSY_WAIT_MS = 25
/** A connection is renewed after this time, so that load spreads over instances that came later. */
export const MAX_CONNECTION_AGE_MS: number = 5 * 60_000
/** How long questions under way may take once the oldest connections are renewed; then the connection is cut off. */
export const CONNECTION_AGE_GRACE_MS = 10_000
/** How long a client may take to hear that its connection ends; calls begun later are refused, and may be asked again. */
export const GOAWAY_NOTICE_MS = 100
/** A silent connection is asked for a sign of life. */
export const KEEPALIVE_MS = 30_000
export const KEEPALIVE_TIMEOUT_MS = 5_000
/** Questions under way on one connection. */
export const MAX_CONCURRENT_CHECKS = 1_000
/** Memory that one connection may take: as much as its questions under way, each as large as it may be. */
export const MAX_CONNECTION_MIB = 128
/** A question has to arrive whole in this time; looked at with each sign of life. */
export const MESSAGE_TIMEOUT_MS = 10_000
/** How long `close` waits for questions under way. */
export const CLOSE_GRACE_MS = 5_000
