import type { MediaRecord, UploadSessionRecord } from '../contracts/catalog.ts'
import type { Media } from '../contracts/media.ts'
import type { MediaError } from '../errors/media-error.ts'
import type { IngestContext } from '../ingest/context.ts'
import type { PutCall, RefusedCall } from '../ingest/put-call.ts'
import type { PutOutcome } from '../ingest/repeat.ts'
import type { Volume } from '../tiering/volume.ts'
import type { KeyedLock } from '../time/keyed-lock.ts'
import type { Holds } from './hold.ts'
import type { RunningDigests } from './running-digests.ts'
import type { Spools } from './spools.ts'
import type { UploadData } from './upload-data.ts'

/** What uploads need of the store they belong to. */
export interface UploadContext extends IngestContext {
  readonly digestLock: KeyedLock
  readonly spools: Spools
  readonly digests: RunningDigests
  readonly limits: UploadLimits
  readonly holds: Holds
  snapshotOf(record: MediaRecord): Media
  /** Senders have asked the store of a volume for these writes, by addresses that it signed. */
  wroteElsewhere(volume: Volume, of: 'put' | 'part', calls: number, bytes: number): void
  /** What follows a commit: lines, events, a look for what waits for one. */
  committed(outcome: PutOutcome, put: PutCall): Promise<Media>
  /** Word of a body that was rejected for good. */
  refused(error: MediaError, call: RefusedCall): void
}

export interface UploadLimits {
  readonly maxOpen: number
  readonly leaseMs: number
  readonly stallMs: number
  readonly lockWaitMs: number
}

/** A session and what its row holds. */
export interface OpenUpload {
  readonly record: UploadSessionRecord
  readonly data: UploadData
}
