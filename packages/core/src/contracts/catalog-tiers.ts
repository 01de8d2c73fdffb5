import type { PlacementRecord } from './catalog-records.ts'
import type { Visibility } from './media.ts'

/** Why a copy is to be made elsewhere. */
export type MoveCause = 'burst' | 'promote' | 'demote' | 'heal'

/** A copy to be made on another volume, and the one that may leave then: a promise that outlives the process. */
export interface NewMove {
  readonly id: string
  readonly blobId: string
  readonly toVolumeId: string
  /** Leaves once the new copy is live. Absent: it stays. */
  readonly dropPlacementId?: string
  readonly cause: MoveCause
  /** Smaller goes first; equal ones in the order they were planned. */
  readonly rank: number
}

export interface MoveRecord extends NewMove {
  readonly sizeBytes: number
  /** Live placements of the blob. */
  readonly placements: readonly PlacementRecord[]
  /** Grows with every claim: a settle with an older one is refused. */
  readonly fence: number
  /** Claims so far that ended in a retry. One whose lease ran out counts for nothing. */
  readonly attempts: number
  /** Not given out before: the end of its lease while it is claimed. */
  readonly notBefore: Date
  readonly lastError?: string
}

export interface MovesPage {
  readonly moves: readonly MoveRecord[]
  readonly cursor?: string
}

export type MoveOutcome =
  | { readonly type: 'done' }
  /** Given out again, `afterMs` from now. */
  | { readonly type: 'retry'; readonly afterMs: number; readonly reason: string }
  /** Not wanted any more. */
  | { readonly type: 'dropped' }

/** An object in a store that is not ours, to be known by a record. */
export interface ExternalObject {
  /** Id of the record, if one is made. */
  readonly newId: string
  readonly placementId: string
  /** The object's own key on the volume. */
  readonly key: string
  /** Of the record. */
  readonly mediaKey: string
  readonly sizeBytes: number
  readonly etag: string
  readonly contentType: string
  readonly filename: string
}

export interface RegisterExternal {
  readonly namespace: string
  readonly volumeId: string
  readonly owner: string
  readonly visibility: Visibility
  readonly objects: readonly ExternalObject[]
}

/**
 * `registered`: a new record. `replaced`: its record has a new content. `unchanged`: known with this etag and size, also when
 * its record was deleted since. `taken`: the record's key belongs to a media that is not of this object, or the object is
 * one of ours; nothing was changed.
 */
export type ExternalOutcome = 'registered' | 'replaced' | 'unchanged' | 'taken'

/** An external object as the catalog knows it. */
export interface KnownExternal {
  readonly key: string
  readonly etag?: string
  readonly sizeBytes: number
  readonly placementId: string
  readonly blobId: string
}

export interface ExternalPage {
  readonly objects: readonly KnownExternal[]
  readonly cursor?: string
}

/** What was asked of a volume, summed. */
export interface LedgerEntry {
  readonly volumeId: string
  /** An `AttemptClass`, or `avoided` for a call that did not have to be made. */
  readonly class: string
  /** A `CallCause`; for `avoided`, what avoided it. `estimated`: by a signed address, not seen by us. */
  readonly cause: string
  readonly calls: number
  readonly bytes: number
}

export interface LedgerRow extends LedgerEntry {
  /** Of the catalog's clock, UTC: `2026-01-31`. */
  readonly day: string
}
