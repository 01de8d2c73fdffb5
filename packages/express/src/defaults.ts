/** Every default of the routers in one place. */

/** JSON bodies. */
export const MAX_JSON_BYTES: number = 100 * 1024
/** Objects and arrays within each other in a JSON body. */
export const MAX_JSON_DEPTH = 32
/** Slowest body that is waited for, over each window of `BODY_RATE_WINDOW_MS`. */
export const MIN_BODY_BYTES_PER_SECOND = 1024
/** How long a body may be slow before it is given up. */
export const BODY_RATE_WINDOW_MS = 30_000
/** Received and not yet consumed bytes of a body; the sender is paused above. */
export const BODY_QUEUE_BYTES: number = 256 * 1024
/** The same of all bodies that come at once: each has its part of it ... */
export const BODY_QUEUES_BYTES: number = 8 * 1024 * 1024
/** ... and at least this, which nobody fills who sends too slowly. */
export const MIN_BODY_QUEUE_BYTES: number = 32 * 1024
/** What may follow of a refused body before its connection is closed. */
export const DRAIN_BYTES: number = 64 * 1024
/** How long a sender that was refused may take to notice. */
export const LINGER_MS = 500
/** A download that moves no byte for this long is ended. */
export const MAX_STALL_MS = 120_000
/** Contents up to this size are answered in one write. */
export const ONE_WRITE_BYTES: number = 64 * 1024
/** What a form may hold besides its file, for refusing by Content-Length before the body. */
export const FORM_OVERHEAD_BYTES: number = 128 * 1024
/** Longest `Idempotency-Key`. */
export const MAX_IDEMPOTENCY_KEY_LENGTH = 255
/** Items of a page, when the request does not say. */
export const DEFAULT_PAGE_LIMIT = 50
export const MAX_PAGE_LIMIT = 100
/** How long requests under way may take to end when a server drains. */
export const DRAIN_GRACE_MS = 10_000
/** Bodies of objects up to this size are held in memory before they are put, so that a store may read them twice. */
export const OBJECT_MEMORY_BYTES: number = 256 * 1024
/** Keys of one batch. */
export const MAX_BATCH_KEYS = 1_000
/** Longest Upload-Metadata of tus. */
export const MAX_TUS_METADATA_LENGTH: number = 8 * 1024
/** Parts of one upload that is put together from several. Their addresses also have to fit a request's headers. */
export const MAX_TUS_PARTS = 128
