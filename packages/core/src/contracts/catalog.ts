import type { Digest } from './bytes.ts'
import type {
  BeginSession,
  BegunSession,
  CommitContent,
  CommittedContent,
  ExtendSession,
  SessionRecord,
  StagedPlacement,
  StagePlacement,
} from './catalog-puts.ts'
import type {
  CatalogPage,
  CatalogUsage,
  MediaRecord,
  PlacementRecord,
  VolumeRecord,
  VolumeUsage,
} from './catalog-records.ts'
import type {
  ExternalOutcome,
  ExternalPage,
  LedgerEntry,
  LedgerRow,
  MoveOutcome,
  MoveRecord,
  MovesPage,
  NewMove,
  RegisterExternal,
} from './catalog-tiers.ts'
import type {
  BlobCopies,
  CommitCopy,
  CopiesPage,
  ExportOptions,
  GarbagePlan,
  PortableMedia,
  PortablePage,
  RecheckedBlobs,
  StageCopy,
  StagedCopy,
  ThinBlobsPage,
  WalkOptions,
} from './catalog-upkeep.ts'
import type { CatalogUploads, KeptSession } from './catalog-uploads.ts'
import type { LinkTarget, MediaChange, MediaCondition, MediaQuery, MediaRef } from './media.ts'

export type * from './catalog-puts.ts'
export type * from './catalog-records.ts'
export type * from './catalog-tiers.ts'
export type * from './catalog-upkeep.ts'
export type * from './catalog-uploads.ts'

/**
 * The truth about records and placements. Each call is one transaction; times are the catalog's own.
 * No call waits for bytes to move. Failures are MediaErrors; a lost connection is MEDIA_UNAVAILABLE.
 */
export interface Catalog extends AsyncDisposable, CatalogUploads {
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
    to: ExtendSession,
  ): Promise<SessionRecord>
  /**
   * Drops session, pins and reservations; its staged placements become `leaving`. Idempotent. With `keep` the row of an upload
   * stays, ended, to be told of.
   */
  endSession(session: { readonly id: string; readonly fence: number }, keep?: KeptSession): Promise<void>
  /** Those that have not ended. */
  listSessions(namespace: string): Promise<readonly SessionRecord[]>
  /** Whether it is there, has time left and has not ended. */
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
  /** Ends sessions past their time, and forgets those that had ended. @returns what they were. */
  expireSessions(options: { readonly limit: number }): Promise<readonly SessionRecord[]>

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
   * inserts a placement `staged`. Of those that ask at once, one is given it: the others are told whose lease they wait for.
   * Need not be durable.
   * @throws MediaError as `beginSession`; MEDIA_CONFLICT when placement id or physical key is taken; MEDIA_BAD_INPUT `bad-amount`.
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
   * least `keep` (1 or more) other live owned placements on other volumes of `homes` (two on one volume count once), or a second
   * one on its own volume, whatever `keep` is. Looked at under the lock that also guards puts. Others are left alone, damaged
   * copies too. In a domain of external objects, which no put shares, an external object counts as well: its media are what its owner makes of it.
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
  /**
   * Takes planned moves back, also those that somebody has claimed: settling such a claim is MEDIA_LEASE_LOST. Ids of moves that are
   * gone are passed over. Durable when it resolves.
   * @returns ids of those withdrawn now, each once
   */
  withdrawMoves(ids: readonly string[]): Promise<readonly string[]>
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

  /**
   * Every media of every namespace, in order of namespace and id. With `blobId` only those whose content that serves is this blob,
   * which takes no longer where there are many others.
   */
  exportMedia(options: ExportOptions): Promise<PortablePage>
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
