import type { Digest, JsonObject } from '../../contracts/bytes.ts'
import type {
  BlobVerdict,
  LedgerRow,
  NewMove,
  PlacementState,
  Reservation,
  VolumeRecord,
} from '../../contracts/catalog.ts'
import type { LinkTarget, MediaFacts, MediaState, Visibility } from '../../contracts/media.ts'
import type { UploadState } from '../../contracts/uploads.ts'

/** Rows are mutable and never leave the catalog; what callers get is built from them. Times are milliseconds. */
export interface BlobRow {
  readonly id: string
  /** Grows from blob to blob: walks go in this order, which is that of the map of blobs. */
  readonly order: number
  /** Both are learned later for the bytes of an external object. */
  domain: string
  digest: Digest | undefined
  readonly sizeBytes: number
  chunkSums: Uint8Array | undefined
  verdict: BlobVerdict | undefined
  readonly placements: Set<PlacementRow>
  /** Contents that need these bytes. */
  readonly contents: Set<ContentRow>
  /** Sessions that need these bytes. */
  readonly pins: Set<SessionRow>
  condemnedAtMs: number | undefined
}

export interface PlacementRow {
  readonly id: string
  /** Grows from placement to placement. */
  readonly order: number
  blob: BlobRow
  readonly volumeId: string
  readonly key: string
  readonly owned: boolean
  state: PlacementState
  storedBytes: number
  etag: string | undefined
  leavingSinceMs: number
  verifiedAtMs: number | undefined
}

export interface ContentRow {
  readonly mediaId: string
  readonly number: number
  state: MediaState
  blob: BlobRow
  readonly contentType: string
  filename: string
  readonly facts: MediaFacts
  readonly createdAtMs: number
}

export interface MediaRow {
  readonly id: string
  readonly namespace: string
  key: string | undefined
  owner: string
  visibility: Visibility
  revision: number
  tags: readonly string[]
  metadata: JsonObject
  links: readonly LinkTarget[]
  readonly createdAtMs: number
  updatedAtMs: number
  /** The number of the newest content there ever was. */
  contentNumber: number
  /** The one that serves and those newer than it, oldest first. */
  contents: ContentRow[]
  /** What stands in the postings for it. */
  terms: readonly string[]
}

export interface SessionRow {
  readonly id: string
  readonly namespace: string
  readonly owner: string
  fence: number
  expiresAtMs: number
  offsetBytes: number
  declared: JsonObject
  /** Of an upload or a copy: until then nobody else may take it up. */
  lockedUntilMs: number | undefined
  /** Absent for a put. */
  readonly upload: UploadRow | undefined
  readonly idempotencyKey: string | undefined
  readonly reservations: Map<string, ReservationRow>
  readonly pins: Set<BlobRow>
  readonly staged: Set<PlacementRow>
}

export interface UploadRow {
  state: UploadState
  /** From then on it holds nothing, and is only told of. */
  endedAtMs: number | undefined
  /** Of one that was committed. */
  mediaId: string | undefined
}

export interface ReservationRow {
  readonly subject: Reservation['subject']
  readonly bytes: number
}

export interface MoveRow extends Omit<NewMove, 'blobId'> {
  /** Grows from move to move: equal ranks go in this order. */
  readonly order: number
  blob: BlobRow
  fence: number
  attempts: number
  notBeforeMs: number
  lastError: string | undefined
}

export type LedgerSum = { -readonly [Member in keyof LedgerRow]: LedgerRow[Member] }

/** Of one idempotency key: the session that uses it, or what became of it. */
export type IdempotencyRow =
  | { readonly type: 'under-way'; readonly session: SessionRow }
  | { readonly type: 'done'; readonly mediaId: string; readonly doneAtMs: number }

export interface NamespaceTables {
  readonly byKey: Map<string, MediaRow>
  /** Ids of each term, in ascending order. */
  readonly postings: Map<string, string[]>
  readonly ownerBytes: Map<string, number>
  readonly ownerReservedBytes: Map<string, number>
}

export interface VolumeRow {
  record: VolumeRecord | undefined
  storedBytes: number
  objects: number
  reservedBytes: number
}

/** What a catalog in memory holds. Several handles may share one, as processes share a database. */
export interface MemoryTables {
  readonly volumes: Map<string, VolumeRow>
  readonly media: Map<string, MediaRow>
  readonly namespaces: Map<string, NamespaceTables>
  readonly blobs: Map<string, BlobRow>
  readonly blobsByDigest: Map<string, BlobRow>
  /** Blobs without content or pin: all that garbage collection needs to look at. */
  readonly unreferenced: Set<BlobRow>
  readonly placements: Map<string, PlacementRow>
  readonly physicalKeys: Map<string, PlacementRow>
  readonly leaving: Set<PlacementRow>
  readonly sessions: Map<string, SessionRow>
  readonly idempotency: Map<string, IdempotencyRow>
  readonly moves: Map<string, MoveRow>
  /** By blob and target. */
  readonly movesByTarget: Map<string, MoveRow>
  /** By day, volume, class and cause. */
  readonly ledger: Map<string, LedgerSum>
  /** Microdollars by budget and day. */
  readonly spent: Map<string, number>
  lastFence: number
  /** Of blobs, placements and moves. */
  lastOrder: number
}

export function createMemoryTables(): MemoryTables {
  return {
    volumes: new Map(),
    media: new Map(),
    namespaces: new Map(),
    blobs: new Map(),
    blobsByDigest: new Map(),
    unreferenced: new Set(),
    placements: new Map(),
    physicalKeys: new Map(),
    leaving: new Set(),
    sessions: new Map(),
    idempotency: new Map(),
    moves: new Map(),
    movesByTarget: new Map(),
    ledger: new Map(),
    spent: new Map(),
    lastFence: 0,
    lastOrder: 0,
  }
}

export function namespaceOf(tables: MemoryTables, namespace: string): NamespaceTables {
  let found = tables.namespaces.get(namespace)
  if (found === undefined) {
    found = { byKey: new Map(), postings: new Map(), ownerBytes: new Map(), ownerReservedBytes: new Map() }
    tables.namespaces.set(namespace, found)
  }
  return found
}

export function volumeOf(tables: MemoryTables, volumeId: string): VolumeRow {
  let found = tables.volumes.get(volumeId)
  if (found === undefined) {
    found = { record: undefined, storedBytes: 0, objects: 0, reservedBytes: 0 }
    tables.volumes.set(volumeId, found)
  }
  return found
}

/** A map key of several texts that may hold any character. */
export function compositeKey(...parts: readonly string[]): string {
  return JSON.stringify(parts)
}

/** Adds to a sum; sums of nothing take no room. */
export function addTo(sums: Map<string, number>, name: string, bytes: number): void {
  const sum = (sums.get(name) ?? 0) + bytes
  if (sum === 0) sums.delete(name)
  else sums.set(name, sum)
}
