import type { MediaFacts } from '../contracts/media.ts'
import type { MediaErrorCode } from '../errors/codes.ts'
import type { InspectLimits } from './limits.ts'

/** One body, as a thread is told of it. It asks for bytes as it needs them. */
export interface LookMessage {
  readonly type: 'look'
  readonly sizeBytes: number
  readonly contentType: string
  readonly limits: InspectLimits
  readonly maxReadBytes: number
}

export type ToThread =
  | LookMessage
  /** What was asked for. */
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }

export type FromThread =
  /** The body has come to the thread, whose time counts from now on. */
  | { readonly type: 'begun' }
  | { readonly type: 'read'; readonly start: number; readonly endExclusive: number }
  | { readonly type: 'facts'; readonly facts: MediaFacts }
  | {
      readonly type: 'refused'
      readonly code: MediaErrorCode
      readonly reason: string | undefined
      readonly message: string
    }
  /** A fault of ours. */
  | { readonly type: 'failed'; readonly message: string }
