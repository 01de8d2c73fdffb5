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

/** A record as JSON. Ids are those of `readJsonId`, instants milliseconds. */
export interface RecordJson {
  readonly id: string
  readonly namespace: string
  readonly key: string | null
  readonly owner: string
  readonly visibility: Visibility
  readonly revision: number
  readonly tags: readonly string[]
  readonly links: readonly LinkTarget[]
  readonly metadata: JsonObject
  readonly createdAt: number
  readonly updatedAt: number
  readonly number: number
  readonly state: MediaState
  readonly contentType: string
  readonly filename: string
  readonly facts: MediaFacts
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

const RECORD_AS_JSON = `json_object('id', ${idAsJson('m.id')}, 'namespace', m.namespace, 'key', m.key, 'owner', m.owner,
  'visibility', m.visibility, 'revision', m.revision, 'tags', json(m.tags), 'links', json(m.links), 'metadata', json(m.metadata),
  'createdAt', m.createdAt, 'updatedAt', m.updatedAt,
  'number', c.number, 'state', c.state, 'contentType', c.contentType, 'filename', c.filename, 'facts', json(c.facts),
  'contentAt', c.createdAt, 'blobId', ${idAsJson('c.blobId')}, 'digest', hex(b.digest), 'sizeBytes', b.sizeBytes,
  'placements', (SELECT json_group_array(${PLACEMENT_AS_JSON}) FROM placements p
    WHERE p.blobId = c.blobId AND p.state = 'live'))`
const CONTENT = `CROSS JOIN contents c ON c.mediaId = m.id AND c.number = m.contentNumber
CROSS JOIN blobs b ON b.id = c.blobId`
const SELECT = `SELECT ${RECORD_AS_JSON} AS json FROM media m ${CONTENT}`

const BY_ID = `${SELECT} WHERE m.namespace = ? AND m.id = ?`
// In the order asked for: the ids are the outer loop.
const BY_IDS = `SELECT ${RECORD_AS_JSON} AS json FROM json_each(?) wanted
CROSS JOIN media m ON m.namespace = ? AND m.id = unhex(wanted.value) ${CONTENT}`
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

/** The records of these ids, in this order, without those that are gone. One statement for a whole page. */
export function recordTexts(
  database: Database,
  namespace: string,
  ids: readonly string[],
): readonly RecordText[] {
  if (ids.length === 0) return []
  const hex = JSON.stringify(ids.map((id) => id.replaceAll('-', '')))
  return database
    .sql<Selected>(BY_IDS)
    .all(hex, namespace)
    .map((row) => row.json)
}

/** The record that this transaction has written. */
export function writtenText(database: Database, namespace: string, id: StoredId): RecordText {
  const text = recordTextById(database, namespace, id)
  if (text === undefined) throw new Error('a record that was written has no content')
  return text
}

type Mutable<T> = { -readonly [Member in keyof T]: T[Member] }

/** The record of one caller, who may keep it. */
export function recordOf(text: RecordText): MediaRecord {
  const row = JSON.parse(text) as RecordJson
  const record: Mutable<MediaRecord> = {
    id: readJsonId(row.id),
    namespace: row.namespace,
    owner: row.owner,
    visibility: row.visibility,
    revision: row.revision,
    tags: row.tags,
    metadata: row.metadata,
    links: row.links,
    createdAt: new Date(row.createdAt),
    updatedAt: new Date(row.updatedAt),
    content: contentOf(row),
  }
  if (row.key !== null) record.key = row.key
  return record
}

function contentOf(row: RecordJson): ContentRecord {
  const blobId = readJsonId(row.blobId)
  const content: Mutable<ContentRecord> = {
    number: row.number,
    state: row.state,
    blobId,
    sizeBytes: row.sizeBytes,
    contentType: row.contentType,
    filename: row.filename,
    facts: row.facts,
    createdAt: new Date(row.contentAt),
    placements: row.placements.map((placement) => placementOf(placement, blobId)),
  }
  if (row.digest !== '') content.digest = `sha256:${row.digest.toLowerCase()}`
  return content
}

/**
 * The same for callers who share it: nobody can change what others see. Instants are made anew for each look,
 * because a Date cannot be frozen. This costs as much as making the record, so only what is remembered is shared.
 */
export function sharedRecordOf(text: RecordText): MediaRecord {
  const { createdAt, updatedAt, content, ...record } = recordOf(text)
  const { createdAt: contentAt, ...rest } = content
  frozen(rest)
  frozen(record)
  return Object.freeze({
    ...record,
    get createdAt() {
      return new Date(createdAt)
    },
    get updatedAt() {
      return new Date(updatedAt)
    },
    content: Object.freeze({
      ...rest,
      get createdAt() {
        return new Date(contentAt)
      },
    }),
  })
}

export function placementOf(row: PlacementJson, blobId: string): PlacementRecord {
  const placement: Mutable<PlacementRecord> = {
    id: readJsonId(row.id),
    blobId,
    volumeId: readJsonId(row.volumeId),
    key: row.key,
    state: row.state,
    owned: row.owned === 1,
    storedBytes: row.storedBytes,
  }
  if (row.etag !== null) placement.etag = row.etag
  return placement
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

function frozen<T extends object>(value: T): T {
  for (const name in value) {
    const member = value[name]
    if (typeof member === 'object' && member !== null) frozen(member)
  }
  return Object.freeze(value)
}
