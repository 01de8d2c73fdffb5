import type {
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
import { idAsJson, jsonId, readJsonId, type StoredId, storeId } from '../ids.ts'

/** A placement as JSON. Ids are those of `readJsonId`. */
export interface PlacementJson {
  readonly id: string
  readonly volumeId: string
  readonly key: string
  readonly state: PlacementState
  readonly owned: number
  readonly storedBytes: number
  readonly etag: string | null
}

/** A record as JSON. Ids are those of `readJsonId`, instants milliseconds; lists and metadata are JSON in JSON. */
export interface RecordJson {
  readonly id: string
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
  readonly state: MediaState
  readonly contentType: string
  readonly filename: string
  readonly facts: string
  readonly contentAt: number
  readonly blobId: string
  readonly digest: string
  readonly sizeBytes: number
  readonly placements: readonly PlacementJson[]
}

/** A record as it leaves the database: JSON text, which is also how it crosses a thread. Read it with `recordOf`. */
export type RecordText = string

/** SQL of a `PlacementJson` made of the row `p`. */
export const PLACEMENT_AS_JSON: string = `json_object('id', ${idAsJson('p.id')}, 'volumeId', ${idAsJson('p.volumeId')},
  'key', p.key, 'state', p.state, 'owned', p.owned, 'storedBytes', p.storedBytes, 'etag', p.etag)`

const SELECT = `SELECT json_object('id', ${idAsJson('m.id')}, 'namespace', m.namespace, 'key', m.key, 'owner', m.owner,
  'visibility', m.visibility, 'revision', m.revision, 'tags', m.tags, 'links', m.links, 'metadata', m.metadata,
  'createdAt', m.createdAt, 'updatedAt', m.updatedAt,
  'number', c.number, 'state', c.state, 'contentType', c.contentType, 'filename', c.filename, 'facts', c.facts,
  'contentAt', c.createdAt, 'blobId', ${idAsJson('c.blobId')}, 'digest', hex(b.digest), 'sizeBytes', b.sizeBytes,
  'placements', (SELECT json_group_array(${PLACEMENT_AS_JSON}) FROM placements p
    WHERE p.blobId = c.blobId AND p.state = 'live')) AS json
FROM media m
CROSS JOIN contents c ON c.mediaId = m.id AND c.number = m.contentNumber
CROSS JOIN blobs b ON b.id = c.blobId`

const BY_ID = `${SELECT} WHERE m.namespace = ? AND m.id = ?`
const BY_KEY = `${SELECT} WHERE m.namespace = ? AND m.key = ?`

interface Selected {
  readonly json: RecordText
}

/** The record of this namespace; `undefined` when there is none. */
export function recordText(
  database: Database,
  namespace: string,
  ref: string | { readonly key: string },
): RecordText | undefined {
  if (typeof ref === 'string') return recordTextById(database, namespace, storeId(ref))
  return database.sql<Selected>(BY_KEY).get(namespace, ref.key)?.json
}

export function recordTextById(database: Database, namespace: string, id: StoredId): RecordText | undefined {
  return database.sql<Selected>(BY_ID).get(namespace, id)?.json
}

/** The record that this transaction has written. */
export function writtenText(database: Database, namespace: string, id: StoredId): RecordText {
  const text = recordTextById(database, namespace, id)
  if (text === undefined) throw new Error('a record that was written has no content')
  return text
}

export function recordOf(text: RecordText): MediaRecord {
  const row = JSON.parse(text) as RecordJson
  const blobId = readJsonId(row.blobId)
  return {
    id: readJsonId(row.id),
    namespace: row.namespace,
    ...(row.key === null ? {} : { key: row.key }),
    owner: row.owner,
    visibility: row.visibility,
    revision: row.revision,
    tags: row.tags === '[]' ? NO_TAGS : frozen(JSON.parse(row.tags) as readonly string[]),
    metadata: row.metadata === '{}' ? NOTHING : frozen(JSON.parse(row.metadata) as JsonObject),
    links: row.links === '[]' ? NO_LINKS : frozen(JSON.parse(row.links) as readonly LinkTarget[]),
    createdAt: new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
    content: {
      number: row.number,
      state: row.state,
      blobId,
      ...(row.digest === '' ? {} : { digest: `sha256:${row.digest.toLowerCase()}` as const }),
      sizeBytes: row.sizeBytes,
      contentType: row.contentType,
      filename: row.filename,
      facts: row.facts === '{}' ? NOTHING : frozen(JSON.parse(row.facts) as MediaFacts),
      createdAt: new Date(row.contentAt),
      placements: row.placements.map((placement) => placementOf(placement, blobId)),
    },
  }
}

export function placementOf(
  row: PlacementJson,
  blobId: string,
  state: PlacementState = row.state,
): PlacementRecord {
  return {
    id: readJsonId(row.id),
    blobId,
    volumeId: readJsonId(row.volumeId),
    key: row.key,
    state,
    owned: row.owned === 1,
    storedBytes: row.storedBytes,
    ...(row.etag === null ? {} : { etag: row.etag }),
  }
}

export function placementJson(placement: PlacementRecord): PlacementJson {
  return {
    ...placement,
    id: jsonId(placement.id),
    volumeId: jsonId(placement.volumeId),
    owned: placement.owned ? 1 : 0,
    etag: placement.etag ?? null,
  }
}

// Most records have none of these: then nothing is parsed, and all share one empty value.
const NO_TAGS: readonly string[] = Object.freeze([])
const NO_LINKS: readonly LinkTarget[] = Object.freeze([])
const NOTHING: JsonObject & MediaFacts = Object.freeze({})

/** Callers share records: nobody can change what others see. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    for (const member of Object.values(value)) frozen(member)
  }
  return value
}
