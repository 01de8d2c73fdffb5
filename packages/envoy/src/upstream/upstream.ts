import type { HeaderList } from '@mediakeep/core'

/** What is to be read of an object, and how it is to be handed on. */
export interface ObjectRead {
  readonly method: 'GET' | 'HEAD'
  /** Full name in the store. */
  readonly objectKey: string
  readonly contentType: string
  readonly disposition: string
  readonly cacheControl: string
}

/** Where a proxy gets the object: nothing in it comes from the client. */
export interface ObjectTarget {
  /** Path and query. */
  readonly path: string
  /** To be sent with the request. */
  readonly headers: HeaderList
  /** The same target may be given until then. */
  readonly untilMs: number
}

/** An origin that a proxy can read objects from by itself. */
export interface Upstream {
  target(read: ObjectRead, nowMs: number): ObjectTarget
}
