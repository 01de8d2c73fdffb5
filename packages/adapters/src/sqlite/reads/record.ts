import type {
  ContentRecord,
  JsonObject,
  LinkTarget,
  MediaFacts,
  MediaRecord,
  MediaState,
  PlacementRecord,
  PlacementState,
  Visibility,
} from '@mediakeep/core'
import type { Database } from '../database.ts'
import { readDigest, readId, type StoredId, storeId } from '../ids.ts'

/** One record joined with its serving content and one live placement; as many rows as there are live placements. */
export interface RecordRow {
  readonly id: StoredId
  readonly namespace: string
  readonly key: string | null
  readonly owner: string
  readonly visibility: Visibility
  readonly revision: number
  readonly tags: string
  readonly links: string
  readonly metadata: string
  readonly createdAt: number
  readonly updatedAt: number
  readonly number: number
  readonly contentState: MediaState
  readonly contentType: string
  readonly filename: string
  readonly facts: string
  readonly contentAt: number
  readonly blobId: StoredId
  readonly digest: Uint8Array | string | null
  readonly sizeBytes: number
  readonly placementId: StoredId | null
  readonly volumeId: StoredId | null
  readonly placementKey: string | null
  readonly placementState: PlacementState | null
  readonly owned: number | null
  readonly storedBytes: number | null
  readonly etag: string | null
}

const SELECT = `SELECT m.id AS id, m.namespace AS namespace, m.key AS key, m.owner AS owner,
  m.visibility AS visibility, m.revision AS revision, m.tags AS tags, m.links AS links, m.metadata AS metadata,
  m.createdAt AS createdAt, m.updatedAt AS updatedAt,
  c.number AS number, c.state AS contentState, c.contentType AS contentType, c.filename AS filename,
  c.facts AS facts, c.createdAt AS contentAt, c.blobId AS blobId, b.digest AS digest, b.sizeBytes AS sizeBytes,
  p.id AS placementId, p.volumeId AS volumeId, p.key AS placementKey, p.state AS placementState,
  p.owned AS owned, p.storedBytes AS storedBytes, p.etag AS etag
FROM media m
CROSS JOIN contents c ON c.mediaId = m.id AND c.number = m.contentNumber
CROSS JOIN blobs b ON b.id = c.blobId
LEFT JOIN placements p ON p.blobId = c.blobId AND p.state = 'live'`

const BY_ID = `${SELECT} WHERE m.namespace = ? AND m.id = ?`
const BY_KEY = `${SELECT} WHERE m.namespace = ? AND m.key = ?`

/** Rows of one record of this namespace; empty when there is none. */
export function recordRows(
  database: Database,
  namespace: string,
  ref: string | { readonly key: string },
): readonly RecordRow[] {
  if (typeof ref === 'object') return database.sql<RecordRow>(BY_KEY).all(namespace, ref.key)
  return recordRowsById(database, namespace, storeId(ref))
}

export function recordRowsById(database: Database, namespace: string, id: StoredId): readonly RecordRow[] {
  return database.sql<RecordRow>(BY_ID).all(namespace, id)
}

/** The record that rows of one media make; rows may have crossed a thread. */
export function recordOf(rows: readonly RecordRow[]): MediaRecord | undefined {
  const row = rows[0]
  if (row === undefined) return undefined
  const content: ContentRecord = {
    number: row.number,
    state: row.contentState,
    blobId: readId(row.blobId),
    ...(row.digest === null ? {} : { digest: readDigest(row.digest) }),
    sizeBytes: row.sizeBytes,
    contentType: row.contentType,
    filename: row.filename,
    facts: parseFacts(row.facts),
    createdAt: new Date(row.contentAt),
    placements: placementsOf(rows),
  }
  return {
    id: readId(row.id),
    namespace: row.namespace,
    ...(row.key === null ? {} : { key: row.key }),
    owner: row.owner,
    visibility: row.visibility,
    revision: row.revision,
    tags: parseTags(row.tags),
    metadata: parseMetadata(row.metadata),
    links: parseLinks(row.links),
    createdAt: new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
    content,
  }
}

function placementsOf(rows: readonly RecordRow[]): readonly PlacementRecord[] {
  const placements: PlacementRecord[] = []
  for (const row of rows) {
    if (row.placementId === null || row.volumeId === null || row.placementKey === null) continue
    if (row.placementState === null || row.storedBytes === null) continue
    placements.push({
      id: readId(row.placementId),
      blobId: readId(row.blobId),
      volumeId: readId(row.volumeId),
      key: row.placementKey,
      state: row.placementState,
      owned: row.owned === 1,
      storedBytes: row.storedBytes,
      ...(row.etag === null ? {} : { etag: row.etag }),
    })
  }
  return placements
}

/** Rows without bytes in them, which are slow to send to another thread. */
export function plainRows(rows: readonly RecordRow[]): readonly RecordRow[] {
  return rows.map((row) => ({
    ...row,
    id: readId(row.id),
    blobId: readId(row.blobId),
    digest: row.digest === null ? null : readDigest(row.digest),
    placementId: row.placementId === null ? null : readId(row.placementId),
    volumeId: row.volumeId === null ? null : readId(row.volumeId),
  }))
}

// Most records have none of these: then nothing is parsed, and all share one empty value.
const NO_TAGS: readonly string[] = Object.freeze([])
const NO_LINKS: readonly LinkTarget[] = Object.freeze([])
const NOTHING: JsonObject & MediaFacts = Object.freeze({})

export function parseTags(text: string): readonly string[] {
  return text === '[]' ? NO_TAGS : (JSON.parse(text) as readonly string[])
}
export function parseLinks(text: string): readonly LinkTarget[] {
  return text === '[]' ? NO_LINKS : (JSON.parse(text) as readonly LinkTarget[])
}
export function parseMetadata(text: string): JsonObject {
  return text === '{}' ? NOTHING : (JSON.parse(text) as JsonObject)
}
function parseFacts(text: string): MediaFacts {
  return text === '{}' ? NOTHING : (JSON.parse(text) as MediaFacts)
}
