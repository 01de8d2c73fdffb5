import type { Digest, JsonObject } from './bytes.ts'
import type {
  LinkTarget,
  MediaChange,
  MediaCondition,
  MediaFacts,
  MediaQuery,
  MediaRef,
  MediaState,
  Visibility,
} from './media.ts'

export interface VolumeRecord {
  readonly id: string
  readonly tier: string
  readonly hostId?: string
  readonly layout: number
}

export type PlacementState = 'staged' | 'live' | 'leaving' | 'bad'

export interface PlacementRecord {
  readonly id: string
  readonly blobId: string
  readonly volumeId: string
  /** Physical key, used once and never again. */
  readonly key: string
  readonly state: PlacementState
  /** False for an external object that was registered: never deleted, moved or overwritten by us. */
  readonly owned: boolean
  readonly storedBytes: number
  readonly etag?: string
}

export interface ContentRecord {
  readonly number: number
  readonly state: MediaState
  readonly blobId: string
  readonly digest?: Digest
  readonly sizeBytes: number
  readonly contentType: string
  readonly filename: string
  readonly facts: MediaFacts
  readonly createdAt: Date
  /** Placements that are `live`. */
  readonly placements: readonly PlacementRecord[]
}

/** One record with what reading and answering needs. Immutable: catalogs may share one object among callers. */
export interface MediaRecord {
  readonly id: string
  readonly namespace: string
  readonly key?: string
  readonly owner: string
  readonly visibility: Visibility
  readonly revision: number
  readonly tags: readonly string[]
  readonly metadata: JsonObject
  readonly links: readonly LinkTarget[]
  readonly createdAt: Date
  readonly updatedAt: Date
  /** The content that serves: the newest active one, else the newest. */
  readonly content: ContentRecord
}

export interface Reservation {
  /** Whose room: a volume's (or its staging), or an owner's quota. */
  readonly subject: { readonly volumeId: string } | { readonly owner: string }
  readonly bytes: number
  /** Refused when what is stored plus what is reserved would pass it: MEDIA_NO_SPACE for a volume, MEDIA_QUOTA for an owner. */
  readonly limitBytes?: number
}

export interface BeginSession {
  readonly id: string
  readonly namespace: string
  readonly owner: string
  readonly ttlMs: number
  readonly mediaId?: string
  readonly idempotencyKey?: string
  /** What the sender declared, for the record: size, type, digest, name. */
  readonly declared?: JsonObject
  readonly reservations?: readonly Reservation[]
}

export interface SessionRecord {
  readonly id: string
  readonly namespace: string
  readonly owner: string
  /** Checked at commit: a session that expired and was swept can never commit. */
  readonly fence: number
  readonly expiresAt: Date
  readonly offsetBytes: number
  readonly declared: JsonObject
}

export type BegunSession =
  | { readonly type: 'begun'; readonly session: SessionRecord }
  /** The idempotency key was used before and its put succeeded: this is the media it made. */
  | { readonly type: 'repeated'; readonly mediaId: string }

export interface StagePlacement {
  /** The live session, or one to begin in the same transaction. */
  readonly session: { readonly id: string; readonly fence: number } | BeginSession
  /** Dedupe domain: `''` for the whole store, else the namespace. Never one of `externalDomain`. */
  readonly domain: string
  readonly digest: Digest
  readonly sizeBytes: number
  /** CRC-32 of each 64 KiB chunk, big-endian, 4 bytes each. */
  readonly chunkSums: Uint8Array
  readonly volumeId: string
  readonly placementId: string
  readonly key: string
  /** These placements were found damaged or gone: marked `bad`, never reused. */
  readonly distrust?: readonly string[]
  /**
   * Only placements on these volumes stand in for ours: others are of another host, which may never be within reach.
   * Default: all. The bytes of an external object never do: whoever owns it may change it at any time.
   */
  readonly reachable?: readonly string[]
}

export type StagedPlacement =
  | { readonly type: 'repeated'; readonly mediaId: string }
  | {
      readonly type: 'staged'
      readonly session: SessionRecord
      readonly blobId: string
      /** Live placements that stand in for ours. Not empty: nothing was inserted for us, the blob is pinned, use one of these. */
      readonly existing: readonly PlacementRecord[]
    }

export interface CommitContent {
  readonly session: { readonly id: string; readonly fence: number }
  readonly blobId: string
  /** Our own placement, now durable on its volume; absent when an existing one is used. */
  readonly placement?: { readonly id: string; readonly storedBytes: number; readonly etag?: string }
  /**
   * As in `StagePlacement`: ours is `redundant` beside a live placement that stands in for it; without one of ours there must
   * be such a placement still.
   */
  readonly reachable?: readonly string[]
  readonly media: {
    /** Replace or create this one: by key, or by id which must exist unless `create`. */
    readonly at?: MediaRef
    /** Id of the record when one is created. */
    readonly newId: string
    readonly namespace: string
    /** Owner of the record when one is created; one that exists keeps its own. */
    readonly owner: string
    readonly when?: MediaCondition
    /** Given values replace those of an existing record; absent ones stay. */
    readonly visibility?: Visibility
    readonly tags?: readonly string[]
    readonly metadata?: JsonObject
    readonly links?: readonly LinkTarget[]
  }
  readonly content: {
    readonly contentType: string
    readonly filename: string
    readonly facts: MediaFacts
    readonly state: MediaState
  }
}

export interface CommittedContent {
  readonly record: MediaRecord
  readonly created: boolean
  /** Our placement lost to one that was live already: it is `leaving`, its bytes go with garbage collection. */
  readonly redundant: boolean
}

export interface CatalogPage {
  readonly records: readonly MediaRecord[]
  readonly nextCursor?: string
}

export interface CatalogUsage {
  readonly name: string
  readonly media: number
  readonly logicalBytes: number
  readonly storedBytes: number
}

export interface VolumeUsage {
  readonly volumeId: string
  readonly storedBytes: number
  readonly objects: number
  readonly reservedBytes: number
}

/** What collecting would do now: the plan of a dry run, and what brakes judge before anything goes. */
export interface GarbagePlan {
  /** False when there is no record in any namespace: then a collection is nearly always a mistake. */
  readonly hasMedia: boolean
  /** Owned placements that are not `staged`, and their bytes: what the rest is measured against. */
  readonly objects: number
  readonly bytes: number
  /** Blobs that `condemn` would condemn now. */
  readonly condemnable: number
  /** Owned placements, and their bytes, of blobs that are condemnable or condemned, and owned ones that are `leaving`: all that waits for its grace or is past it. */
  readonly waitingObjects: number
  readonly waitingBytes: number
  /** What `claimGarbage` would give with this grace, after `condemn`: with a grace of 0 also what is condemnable. */
  readonly freeableObjects: number
  readonly freeableBytes: number
}

/** A page of a walk over many rows. It may be short or empty and yet have a cursor: the work of one call is bounded. */
export interface WalkOptions {
  /** Opaque, from the page before; absent: from the start. */
  readonly cursor?: string
  readonly limit: number
}

export interface RecheckedBlobs {
  readonly checked: number
  /** Without reference or pin, and not known to be so until now. */
  readonly found: number
  /** Goes on behind what was checked; absent: done. */
  readonly cursor?: string
}

/** A copy on a volume, as verifying sees it. */
export interface StoredCopy {
  /** `live` or `bad`. */
  readonly placement: PlacementRecord
  readonly digest?: Digest
  /** Of the content. */
  readonly sizeBytes: number
  readonly verifiedAt?: Date
}

export interface CopiesPage {
  readonly copies: readonly StoredCopy[]
  readonly cursor?: string
}

/** One blob with every placement that is `live` or `bad`. */
export interface BlobCopies {
  readonly blobId: string
  readonly digest?: Digest
  readonly sizeBytes: number
  readonly placements: readonly PlacementRecord[]
}

export interface ThinBlobsPage {
  readonly blobs: readonly BlobCopies[]
  readonly cursor?: string
}

export interface StageCopy {
  /** Begun in the same transaction. A copy is no put: it has no idempotency key. */
  readonly session: Omit<BeginSession, 'idempotencyKey'>
  readonly blobId: string
  readonly volumeId: string
  readonly placementId: string
  readonly key: string
}

export type StagedCopy =
  /** The blob is gone or no content refers to it: nothing was begun. */
  | { readonly type: 'unwanted' }
  /** The volume has a live copy: nothing was begun. */
  | { readonly type: 'present' }
  | { readonly type: 'staged'; readonly session: SessionRecord; readonly blob: BlobCopies }

export interface CommitCopy {
  readonly session: { readonly id: string; readonly fence: number }
  readonly placement: { readonly id: string; readonly storedBytes: number; readonly etag?: string }
}

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

/** All that is kept of one media, by value: what rebuilding, backup and moving between catalogs need. */
export interface PortableMedia
  extends Pick<
    MediaRecord,
    | 'namespace'
    | 'id'
    | 'key'
    | 'owner'
    | 'visibility'
    | 'revision'
    | 'tags'
    | 'metadata'
    | 'links'
    | 'createdAt'
    | 'updatedAt'
  > {
  /** The content that serves. Others that wait beside it are not carried. */
  readonly content: Pick<
    ContentRecord,
    'number' | 'state' | 'contentType' | 'filename' | 'facts' | 'createdAt'
  >
  readonly blob: {
    readonly domain: string
    readonly digest?: Digest
    readonly sizeBytes: number
    readonly chunkSums?: Uint8Array
  }
  /** Those that are `live`. */
  readonly placements: readonly PortablePlacement[]
}

export type PortablePlacement = Pick<
  PlacementRecord,
  'id' | 'volumeId' | 'key' | 'owned' | 'storedBytes' | 'etag'
>

export interface PortablePage {
  readonly media: readonly PortableMedia[]
  readonly cursor?: string
}

/**
 * The truth about records and placements. Each call is one transaction; times are the catalog's own.
 * No call waits for bytes to move. Failures are MediaErrors; a lost connection is MEDIA_UNAVAILABLE.
 */
export interface Catalog extends AsyncDisposable {
  readonly name: string
  /** Creates or migrates the schema forward. @throws MediaError MEDIA_UNSUPPORTED `layout-newer` for a schema of a later version. */
  open(): Promise<void>
  close(): Promise<void>

  /** Idempotent for equal records. @throws MediaError MEDIA_CONFLICT when the id belongs to another tier. */
  registerVolume(volume: VolumeRecord): Promise<void>
  listVolumes(): Promise<readonly VolumeRecord[]>

  /**
   * An idempotency key (of namespace and owner) answers with its first outcome for 24 hours. It is free again
   * when its session ends without a commit or runs out. A refusal leaves nothing.
   * @throws MediaError MEDIA_QUOTA, MEDIA_NO_SPACE, MEDIA_LOCKED when the idempotency key is in use by a put under way,
   * MEDIA_CONFLICT when the id is taken.
   */
  beginSession(input: BeginSession): Promise<BegunSession>
  /** Moves the end of life and replaces the reservations given. @throws MediaError MEDIA_LEASE_LOST */
  extendSession(
    session: { readonly id: string; readonly fence: number },
    to: {
      readonly ttlMs: number
      readonly offsetBytes?: number
      readonly reservations?: readonly Reservation[]
    },
  ): Promise<SessionRecord>
  /** Drops session, pins and reservations; its staged placements become `leaving`. Idempotent. */
  endSession(session: { readonly id: string; readonly fence: number }): Promise<void>
  listSessions(namespace: string): Promise<readonly SessionRecord[]>
  isSessionLive(id: string): Promise<boolean>

  /**
   * Transaction A: no byte is ever published without a row. Need not be durable.
   * @throws MediaError as `beginSession`; MEDIA_LEASE_LOST; MEDIA_CONFLICT when placement id or physical key is taken.
   */
  stagePlacement(input: StagePlacement): Promise<StagedPlacement>
  /**
   * Transaction B: durable when it resolves. Ends the session: its pins, reservations and other staged placements go.
   * Contents older than the one that serves are dropped; newer ones that are not active wait beside it.
   * @throws MediaError MEDIA_LEASE_LOST, MEDIA_PRECONDITION, MEDIA_ABSENT (id to replace), MEDIA_CONFLICT: `placement-gone` when
   * no placement is left of those that were to be used; the session lives then, stage again.
   */
  commitContent(input: CommitContent): Promise<CommittedContent>

  get(namespace: string, ref: MediaRef): Promise<MediaRecord | undefined>
  /** Chunk sums of a blob; `undefined` when it has none (external) or is gone. */
  chunkSums(blobId: string): Promise<Uint8Array | undefined>
  /** @throws MediaError MEDIA_ABSENT, MEDIA_PRECONDITION, MEDIA_CONFLICT */
  update(
    namespace: string,
    ref: MediaRef,
    change: MediaChange,
    options?: { readonly ifRevision?: number },
  ): Promise<MediaRecord>
  /** @returns the record as it was, or `undefined` when there is none, whatever the condition. @throws MediaError MEDIA_PRECONDITION */
  delete(
    namespace: string,
    ref: MediaRef,
    options?: { readonly when?: MediaCondition },
  ): Promise<MediaRecord | undefined>
  link(namespace: string, ref: MediaRef, target: LinkTarget): Promise<MediaRecord>
  unlink(namespace: string, ref: MediaRef, target: LinkTarget): Promise<MediaRecord>
  list(namespace: string, query: MediaQuery): Promise<CatalogPage>
  linked(
    namespace: string,
    targets: readonly LinkTarget[],
    limitPerTarget: number,
  ): Promise<readonly (readonly MediaRecord[])[]>
  /**
   * By name. Logical bytes are those of every content kept (what an owner's quota counts); stored bytes are those of
   * live placements, once however many media of the same name share them. `type` is that of the content that serves.
   */
  usage(namespace: string, by: 'owner' | 'type' | 'tier'): Promise<readonly CatalogUsage[]>
  /** Of every registered volume. Stored is what is not `staged`: reservations hold the room of staged placements. */
  volumeUsage(): Promise<readonly VolumeUsage[]>

  /** The placement is damaged: it is never served or deduplicated to again. */
  markBad(placementId: string): Promise<void>
  /** Condemns blobs without content, derivative or pin; forgives condemned ones that have one again. */
  condemn(options: {
    readonly limit: number
  }): Promise<{ readonly condemned: number; readonly more: boolean }>
  /**
   * Placements whose bytes may be deleted now: owned and `leaving` for longer than `graceMs`,
   * and all owned ones (`bad` ones too) of blobs condemned for longer than `graceMs` and still without reference or pin,
   * which become `leaving`. A `bad` placement of a blob that is in use is kept: damaged bytes may be the only ones left.
   * Placements elsewhere than on `volumeIds` are not touched, and stand in nobody's way.
   */
  claimGarbage(options: {
    readonly graceMs: number
    readonly limit: number
    /** Only of these volumes. Default: all. */
    readonly volumeIds?: readonly string[]
    /** `leaving`: leaves condemned blobs alone. Default `all`. */
    readonly kind?: 'all' | 'leaving'
  }): Promise<readonly PlacementRecord[]>
  /** Their bytes are deleted: the rows go, and blobs that have no placement and no reference with them. */
  dropPlacements(ids: readonly string[]): Promise<void>
  /** Ends sessions past their time. @returns ids of those ended. */
  expireSessions(options: { readonly limit: number }): Promise<readonly string[]>

  /** What collecting would do, in counts of one snapshot. Changes nothing. */
  planGarbage(options: { readonly graceMs: number }): Promise<GarbagePlan>
  /**
   * Looks at every blob in order, also those believed referenced, and hands those without reference or pin to `condemn`
   * (and clears that mark from those that have one): what a wrong or lost mark hid is found.
   */
  recheckBlobs(options: WalkOptions): Promise<RecheckedBlobs>
  /**
   * Objects found on a volume that no row names: each gets a placement that is `leaving` from now on, of a blob of its own
   * without digest that is condemned, so that they pass the same grace and the same claim as all garbage.
   * Keys that have a row on that volume are left alone.
   * @returns the keys taken.
   */
  leaveOrphans(
    volumeId: string,
    objects: readonly { readonly key: string; readonly storedBytes: number }[],
  ): Promise<readonly string[]>
  /** Of these keys of a volume, those that no row names. */
  unknownKeys(volumeId: string, keys: readonly string[]): Promise<readonly string[]>

  /**
   * Owned copies on these volumes that are `live` or `bad`, in an order that is stable while rows come and go: what is
   * there all the time is given once. `notVerifiedSince` leaves out those verified later than that.
   */
  listCopies(
    options: WalkOptions & { readonly volumeIds: readonly string[]; readonly notVerifiedSince?: Date },
  ): Promise<CopiesPage>
  /** These were read whole and are right: `verifiedAt` is now, and one that was `bad` is live again. Others than live and bad are left alone. */
  markVerified(placementIds: readonly string[]): Promise<void>
  /**
   * Blobs that a content refers to and that have fewer than `minCopies` live placements on these volumes; two on one
   * volume count once. Left out are those whose bytes are a live external object, unless we have a copy on these volumes too:
   * what is not ours is not ours to copy. Order and cursor as `listCopies`.
   */
  listThinBlobs(
    options: WalkOptions & { readonly volumeIds: readonly string[]; readonly minCopies: number },
  ): Promise<ThinBlobsPage>
  /** Every placement of the blob that is live or bad; `undefined` when the blob is gone. */
  copiesOf(blobId: string): Promise<BlobCopies | undefined>
  /**
   * As transaction A of a put, for a further copy of a blob that a content refers to: begins the session, pins the blob,
   * inserts a placement `staged`. Need not be durable.
   * @throws MediaError as `beginSession`; MEDIA_CONFLICT when placement id or physical key is taken.
   */
  stageCopy(input: StageCopy): Promise<StagedCopy>
  /**
   * As transaction B: the copy is live and verified now; session, pins and reservations end. Durable when it resolves.
   * `redundant`: the volume had a live copy of the blob by now, ours is `leaving`.
   * @throws MediaError MEDIA_LEASE_LOST
   */
  commitCopy(input: CommitCopy): Promise<{ readonly redundant: boolean }>

  /**
   * Live owned copies that may go because others are kept: each, one after the other, becomes `leaving` while its blob has at
   * least `keep` (1 or more) other live owned placements on other volumes of `homes` (two on one volume count once), looked at
   * under the lock that also guards puts. Others are left alone, damaged copies too. In a domain of external objects, which no
   * put shares, an external object counts as well: its media are what its owner makes of it.
   *
   * A pin does not hold a copy back, or a busy blob would never leave: pins keep bytes, not places. A put that was told of the
   * copy and commits later is safe: commit looks again, and where nothing within its reach is left it refuses with
   * `placement-gone`, so that the put stages its own. Readers have the grace of garbage collection.
   * @returns those that leave now
   * @throws MediaError MEDIA_BAD_INPUT `bad-amount`
   */
  leaveCopies(
    placementIds: readonly string[],
    options: { readonly homes: readonly string[]; readonly keep: number },
  ): Promise<readonly string[]>

  /**
   * Plans moves, due at once. Left out are those of a blob that is gone, and those that are planned already: by id, or as one of
   * the blob to the same volume, which stays as it is. Durable when it resolves.
   * @returns ids of those planned now
   * @throws MediaError MEDIA_BAD_INPUT `bad-amount` for a rank that is no finite number
   */
  planMoves(moves: readonly NewMove[]): Promise<readonly string[]>
  /**
   * Gives out moves that are due, by rank and age, whose target is one of `volumeIds` and that have a live placement on one of
   * them (it may be the target: then the copy is there already): nobody else gets them for `leaseMs`. Moves whose blob is gone
   * or that no content refers to are deleted instead. Others wait, and stand in nobody's way.
   * @throws MediaError MEDIA_BAD_INPUT `bad-amount` for a limit or a lease below 1
   */
  claimMoves(options: {
    readonly volumeIds: readonly string[]
    readonly limit: number
    readonly leaseMs: number
  }): Promise<readonly MoveRecord[]>
  /**
   * Ends a claim: once, also when its lease has run out and nobody else has the move yet.
   * @throws MediaError MEDIA_LEASE_LOST when it has ended, or the move was given out again or is gone; MEDIA_BAD_INPUT `bad-amount`.
   */
  settleMove(move: Pick<MoveRecord, 'id' | 'fence'>, outcome: MoveOutcome): Promise<void>
  /** Every planned move of a blob that is there, in an order that is stable while rows come and go. */
  listMoves(options: WalkOptions): Promise<MovesPage>

  /**
   * Makes records for objects that are there already and not ours: a blob without digest, a placement that is not `owned`.
   * An object known with the same etag and size stays, and a record of it that was deleted stays away. With others it is a new
   * object in the place of the old one: the old one is forgotten as by `forgetExternal`, but its record stays and gets a new
   * content. That is the one with the key given; else, when its key was changed, the only one whose bytes were this object alone.
   * All of them or none; one outcome for each, in order. Durable when it resolves. A few hundred at once hold up no other write for long.
   * @throws MediaError MEDIA_CONFLICT when an id is taken; MEDIA_BAD_INPUT for an object given twice, or `bad-amount`.
   */
  registerExternal(input: RegisterExternal): Promise<readonly ExternalOutcome[]>
  /**
   * External objects of a volume, by key in the order of its UTF-8 bytes, as object stores list them. Without a cursor it begins
   * at the key `from`, which need not be there.
   */
  listExternal(volumeId: string, options: WalkOptions & { readonly from?: string }): Promise<ExternalPage>
  /**
   * These objects are not there any more: their placements go. Records whose bytes are on no other live or bad placement go with
   * them. Only placements that are not owned and have the etag given, or none where none
   * is given, are taken: a newer object stays.
   * @returns how many placements went
   */
  forgetExternal(
    volumeId: string,
    objects: readonly { readonly key: string; readonly etag?: string }[],
  ): Promise<number>
  /**
   * The bytes of a blob without digest were read whole; `domain` is one of `externalDomain`, unless puts shall share them. Where another blob of the domain has this digest, all that refers to this
   * one moves to it: contents, placements, what is under way. Records keep their revision: no body has changed.
   * Learning the same again changes nothing.
   * @returns the blob that holds the bytes now; `undefined` when this one is gone
   * @throws MediaError MEDIA_CONFLICT `other-content` when it has another digest by now, or the other blob another size.
   */
  learnDigest(
    blobId: string,
    learned: { readonly domain: string; readonly digest: Digest; readonly chunkSums: Uint8Array },
  ): Promise<string | undefined>

  /** Adds to the sums of today. @throws MediaError MEDIA_BAD_INPUT `bad-amount` for what is not whole or below 0; nothing is added then. */
  addToLedger(entries: readonly LedgerEntry[]): Promise<void>
  /** Sums of the days from `fromDay` to `toDay`, both included, by day, volume, class and cause. @throws MediaError MEDIA_BAD_INPUT `bad-day` */
  ledger(options: { readonly fromDay: string; readonly toDay: string }): Promise<readonly LedgerRow[]>
  /**
   * Takes up to `amount` of what today's budget of that name has left: all hosts together never take more than `limit` a day.
   * What is taken counts as spent until it is given back: after a crash too much is counted, never too little, so it is durable
   * when it resolves. Amounts are whole microdollars. The day is one of the catalog's clock, UTC.
   * @returns what was granted, 0 when nothing is left, and what is spent with it
   * @throws MediaError MEDIA_BAD_INPUT `bad-amount` for what is not whole or below 0
   */
  reserveSpend(options: {
    readonly budget: string
    readonly amount: number
    readonly limit: number
  }): Promise<{ readonly day: string; readonly granted: number; readonly spent: number }>
  /** Gives back what was not spent of a reservation of that day; never more than was taken. @throws MediaError MEDIA_BAD_INPUT `bad-amount` | `bad-day` */
  returnSpend(options: {
    readonly budget: string
    readonly day: string
    readonly amount: number
  }): Promise<void>

  /** Every media of every namespace, in order of namespace and id. */
  exportMedia(options: WalkOptions): Promise<PortablePage>
  /**
   * Puts media back as they were, ids, revisions and times included: all of those given or none.
   * Idempotent: a record that is there with the same or a later revision stays.
   * Blobs are found by domain and digest (without digest: by a placement), or made for the records that are written.
   * Placements are inserted where their volume has no row for their key; an object that `leaveOrphans` took is taken back, and of
   * an external object that is known with this etag and size the digest given is learned.
   * A host key taken by another media: the media with the later `updatedAt` (then the higher id) has it, the other is kept without a key.
   * @returns how many records were written. Durable when it resolves. A few hundred at once are quick and hold up no other write for long.
   * @throws MediaError MEDIA_BAD_INPUT `unknown-volume`; MEDIA_CONFLICT when an id is taken in another namespace.
   */
  importMedia(media: readonly PortableMedia[]): Promise<number>

  /** Round trip to the storage of the catalog. */
  ping(): Promise<void>
}
