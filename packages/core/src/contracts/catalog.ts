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
  /** Dedupe domain: `''` for the whole store, else the namespace. */
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
}

export type StagedPlacement =
  | { readonly type: 'repeated'; readonly mediaId: string }
  | {
      readonly type: 'staged'
      readonly session: SessionRecord
      readonly blobId: string
      /** Live placements that hold the same bytes. Not empty: nothing was inserted for us, the blob is pinned, use one of these. */
      readonly existing: readonly PlacementRecord[]
    }

export interface CommitContent {
  readonly session: { readonly id: string; readonly fence: number }
  readonly blobId: string
  /** Our own placement, now durable on its volume; absent when an existing one is used. */
  readonly placement?: { readonly id: string; readonly storedBytes: number; readonly etag?: string }
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
   * @throws MediaError MEDIA_LEASE_LOST, MEDIA_PRECONDITION, MEDIA_ABSENT (id to replace), MEDIA_CONFLICT.
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
   */
  claimGarbage(options: {
    readonly graceMs: number
    readonly limit: number
  }): Promise<readonly PlacementRecord[]>
  /** Their bytes are deleted: the rows go, and blobs that have no placement and no reference with them. */
  dropPlacements(ids: readonly string[]): Promise<void>
  /** Ends sessions past their time. @returns ids of those ended. */
  expireSessions(options: { readonly limit: number }): Promise<readonly string[]>

  /** Round trip to the storage of the catalog. */
  ping(): Promise<void>
}
