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
 * Every `open` returns a new stream of the same bytes, so that a write can be retried, or go to several stores.
 */
export interface ByteSource {
  readonly sizeBytes: number
  readonly digest?: Digest
  /** The whole body, if it is already in memory: a store may then write it at once. It must never change. */
  readonly bytes?: Uint8Array
  open(options?: OpenSourceOptions): Readable
}

/**
 * The body of a media, as applications give it. A stream or iterable is read once. Do not change a `Uint8Array` before `put` has
 * resolved, nor bytes that were pushed into a readable stream. After a write into a transform stream its buffer may be reused, and an
 * iterable may reuse the buffer of a chunk when the next one is asked for. `{ path }` is a local file; with `move: true` the store takes
 * it over, and the file is gone afterwards.
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
