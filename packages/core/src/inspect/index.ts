import type { ByteSource } from '../contracts/bytes.ts'
import type { MediaFacts } from '../contracts/media.ts'
import type { MediaPolicy } from '../contracts/policy.ts'
import { INSPECTION_READ_BYTES } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { createByteWindow } from './byte-window.ts'
import { limitsOf } from './limits.ts'
import { isLookedAt, look } from './look.ts'
import { readerOf } from './source-reader.ts'

export type { InspectReason } from './refusals.ts'

/** A body that is whole, and what was verified of it so far. */
export interface InspectInput {
  readonly source: ByteSource
  /** The verified type. */
  readonly contentType: string
  readonly filename: string
  /** The policy that took the type. */
  readonly policy: MediaPolicy
  readonly signal?: AbortSignal | undefined
}

/** Looks into bodies: what they are beyond their first bytes, and what is learned of them. */
export interface Inspector {
  /**
   * Facts of a body that may be taken. Reads by ranges, what it must, and holds some megabytes at most.
   * @throws MediaError MEDIA_INVALID or MEDIA_TYPE_REFUSED with the reason (`InspectReason`); MEDIA_BUSY when too many wait;
   * MEDIA_CLOSED. What the source throws, and the signal's reason, pass through untouched.
   */
  inspect(input: InspectInput): Promise<MediaFacts>
  /** Ends what is under way with MEDIA_CLOSED. */
  close(): Promise<void>
}

export interface InspectorOptions {
  /** What one look may read of a body, all in all. Default 256 MiB. */
  readonly maxReadBytes?: number
}

/** One for a store. */
export function createInspector({ maxReadBytes = INSPECTION_READ_BYTES }: InspectorOptions = {}): Inspector {
  let isClosed = false
  return {
    async inspect({ source, contentType, policy, signal }) {
      signal?.throwIfAborted()
      if (isClosed) throw new MediaError('MEDIA_CLOSED', 'the inspector is closed')
      if (!isLookedAt(contentType)) return {}
      const window = createByteWindow(source.sizeBytes, readerOf(source, signal), { maxReadBytes })
      return await look({ window, contentType, limits: limitsOf(policy, contentType) })
    },
    async close() {
      isClosed = true
    },
  }
}
