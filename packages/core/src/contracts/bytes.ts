import type { Readable } from 'node:stream'

/** Name of immutable bytes: `sha256:` and 64 lower-case hexadecimal digits of the plaintext. */
export type Digest = `sha256:${string}`

/** Half-open range of byte offsets: `{ start: 0, endExclusive: 100 }` is the first hundred bytes. */
export interface ByteRange {
  readonly start: number
  readonly endExclusive: number
}

/** What a source or reader accepts when it is opened. */
export interface OpenSourceOptions {
  readonly range?: ByteRange
  readonly signal?: AbortSignal
}

/**
 * Bytes of known length that can be opened again.
 * Every `open` gives an own stream of the same bytes, so retries, fan-out and part retries are safe.
 */
export interface ByteSource {
  readonly sizeBytes: number
  readonly digest?: Digest
  /** The whole body, present when it is in memory already: a store may then write it at once. Never changed after. */
  readonly bytes?: Uint8Array
  open(options?: OpenSourceOptions): Readable
}

/**
 * What hosts hand in. A stream or iterable is read once. A `Uint8Array` must not be changed before the put is done. Bytes
 * pushed into a stream of bytes must not be changed afterwards; who writes into a transform may use its buffer again after the
 * write, and an iterable when the next chunk is asked for. `{ path }` names a local file, which `move: true` allows the store
 * to take over (it is gone afterwards).
 */
export type Body =
  | Readable
  | AsyncIterable<Uint8Array>
  | ReadableStream<Uint8Array>
  | Blob
  | Uint8Array
  | { readonly path: string; readonly move?: boolean }

/** JSON values that user metadata may hold. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject
export interface JsonObject {
  readonly [key: string]: JsonValue
}
