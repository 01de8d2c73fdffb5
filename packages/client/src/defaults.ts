/** Every default of the client in one place. */

/** How long `fetchMedia` and `whenReady` wait in all: two of the longest Retry-After that the gate gives. */
export const MAX_WAIT_MS = 120_000
/** Requests of one `fetchMedia` or `whenReady`. Time ends most of them; this ends a server that says 1 s for ever. */
export const MAX_ATTEMPTS = 100
/** Failures of the network in a row, without any answer, that are taken for good. */
export const MAX_NETWORK_ERRORS = 5
/** Wait after the first answer that names no time; it doubles with each further one. */
export const BACK_OFF_MS = 500
/** Longest wait that is chosen here and not by the server. */
export const MAX_BACK_OFF_MS = 15_000
/** A time that the server named is lengthened by at most this share of it. */
export const RETRY_AFTER_SPREAD_RATIO = 0.2
/** How long an element waits for its media while its page is seen: a large video comes from far away. */
export const ELEMENT_MAX_WAIT_MS: number = 10 * 60_000
/** Questions of one page under way at once. Browsers open six connections to an HTTP/1.1 host: two stay free. */
export const MAX_ASKS_AT_ONCE = 4
/** How often an element that could not show what was ready is given it anew. */
export const MAX_ELEMENT_ERRORS = 2
/** How near to the view an element with `loading="lazy"` comes before its media is asked for. */
export const LAZY_MARGIN = '300px'
/** Tries of each request of an upload: well over a minute without any word of the server. */
export const MAX_UPLOAD_ATTEMPTS = 12
/** Chunks of an upload under way at once: browsers open six connections to a host, and the page needs some. */
export const PARALLEL_CHUNKS = 3
/** Addresses of parts that are asked for in one request. */
export const PARTS_SIGNED_AT_ONCE = 16
