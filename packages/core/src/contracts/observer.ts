import type { MediaErrorCode } from '../errors/codes.ts'
import type { Digest } from './bytes.ts'
import type { CallContext } from './call.ts'
import type { MediaState } from './media.ts'
import type { UploadDoor } from './uploads.ts'

/** By what a body came: one call, or an upload of that kind. */
export type EventDoor = 'put' | UploadDoor

/** What was found in bytes, and by what. */
export interface Finding {
  /** `released`: an admin looked, and let it out. It stands: no look takes it back. */
  readonly verdict: 'clean' | 'infected' | 'unscannable' | 'released'
  readonly engine: string
  readonly database: string
  /** Of what was found, or why nothing could be told. */
  readonly signature?: string
  readonly reason?: string
}

/** Everything the store tells about itself: a closed union, so that a consumer's switch can be exhaustive. */
export type MediaEvent =
  | {
      readonly type: 'media.created' | 'media.replaced' | 'media.deleted' | 'media.updated'
      readonly at: Date
      readonly namespace: string
      readonly mediaId: string
      /** The host's name of it, where it has one; of a deleted media the one that it had. */
      readonly key?: string
      readonly revision: number
      readonly context?: CallContext
    }
  | {
      readonly type: 'upload.accepted'
      readonly at: Date
      readonly namespace: string
      readonly mediaId: string
      readonly owner: string
      readonly door: EventDoor
      readonly sizeBytes: number
      readonly deduplicated: boolean
      readonly durationMs: number
      readonly context?: CallContext
    }
  | {
      readonly type: 'upload.refused'
      readonly at: Date
      readonly namespace: string
      /** Absent where it was not said in a way that could be. */
      readonly owner?: string
      readonly door: EventDoor
      /** Of what came, where all of it did. */
      readonly digest?: Digest
      readonly code: MediaErrorCode | 'ABORTED'
      readonly reason?: string
      readonly receivedBytes: number
      readonly context?: CallContext
    }
  | ({
      /** A body was taken in that nobody may read: something was found in its bytes, by a look or before. */
      readonly type: 'upload.held'
      readonly at: Date
      readonly namespace: string
      readonly mediaId: string
      readonly key?: string
      readonly owner: string
      readonly door: EventDoor
      readonly digest: Digest
      readonly context?: CallContext
    } & Finding)
  | {
      readonly type: 'blob.corrupt'
      readonly at: Date
      readonly blobId: string
      readonly volumeId: string
      readonly key: string
    }
  | ({
      /** A scanner looked at these bytes, or somebody did who let them out: `context` tells who. */
      readonly type: 'scan.verdict'
      readonly at: Date
      readonly digest: Digest
      readonly context?: CallContext
    } & Finding)
  | ({
      /** The state of a content was settled after it came in: it serves from now on, or is held back. */
      readonly type: 'media.settled'
      readonly at: Date
      readonly namespace: string
      readonly mediaId: string
      readonly key?: string
      readonly owner: string
      readonly revision: number
      readonly state: MediaState
      readonly digest: Digest
    } & Finding)
  | {
      readonly type: 'volume.offline' | 'volume.online'
      readonly at: Date
      readonly volumeId: string
      readonly reason?: string
    }
  | {
      readonly type: 'gc.freed'
      readonly at: Date
      readonly volumeId: string
      readonly key: string
      readonly sizeBytes: number
    }
  | {
      readonly type: 'upkeep.failed'
      readonly at: Date
      readonly task: string
      readonly code: MediaErrorCode
      readonly message: string
    }

/** Called synchronously. What it throws is swallowed: an observer can never fail the act it watches. */
export type Observer = (event: MediaEvent) => void
