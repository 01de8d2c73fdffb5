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

/** A placement as JSON: members by place, because names take longer to write and to read. Ids are those of `readJsonId`. */
export type PlacementRow = readonly [
  id: string,
  volumeId: string,
  key: string,
  state: PlacementState,
  owned: number,
  storedBytes: number,
  etag: string | null,
]

/** A record as JSON. Ids are those of `readJsonId`, instants milliseconds. */
export type RecordRow = readonly [
  columns: readonly [
    id: string,
    namespace: string,
    key: string | null,
    owner: string,
    visibility: Visibility,
    revision: number,
    createdAt: number,
    updatedAt: number,
    number: number,
    state: MediaState,
    contentType: string,
    filename: string,
    contentAt: number,
    blobId: string,
    digest: string,
    sizeBytes: number,
  ],
  tags: readonly string[],
  links: readonly LinkTarget[],
  metadata: JsonObject,
  facts: MediaFacts,
  placements: readonly PlacementRow[],
]

/** A record as it leaves the database: JSON text, which is also how it crosses a thread. Read it with `recordOf`. */
export type RecordText = string

/** SQL of a `PlacementRow` made of the row `p`. */
export const PLACEMENT_AS_JSON: string = `json_array(${idAsJson('p.id')}, ${idAsJson('p.volumeId')}, p.key, p.state, p.owned, p.storedBytes, p.etag)`

// What is stored as JSON is put between the rest as it is: SQLite's JSON functions would parse it first.
const RECORD_AS_JSON = `'[' || json_array(${idAsJson('m.id')}, m.namespace, m.key, m.owner, m.visibility, m.revision,
    m.createdAt, m.updatedAt, c.number, c.state, c.contentType, c.filename, c.createdAt, ${idAsJson('c.blobId')},
    hex(b.digest), b.sizeBytes)
  || ',' || m.tags || ',' || m.links || ',' || m.metadata || ',' || c.facts || ','
  || (SELECT json_group_array(${PLACEMENT_AS_JSON}) FROM placements p WHERE p.blobId = c.blobId AND p.state = 'live') || ']'`
const CONTENT = `CROSS JOIN contents c ON c.mediaId = m.id AND c.number = m.contentNumber
CROSS JOIN blobs b ON b.id = c.blobId`
const SELECT = `SELECT ${RECORD_AS_JSON} AS json FROM media m ${CONTENT}`

const BY_ID = `${SELECT} WHERE m.namespace = ? AND m.id = ?`
// In the order asked for: the ids are the outer loop.
const BY_IDS = `SELECT ${RECORD_AS_JSON} AS json FROM json_each(?) wanted
CROSS JOIN media m ON m.namespace = ? AND m.id = unhex(wanted.value, '-') ${CONTENT}`
const BY_KEY = `${SELECT} WHERE m.namespace = ? AND m.key = ?`

/** The record of this namespace; `undefined` when there is none. */
export function recordText(
  database: Database,
  namespace: string,
  ref: string | { readonly key: string },
): RecordText | undefined {
  if (typeof ref === 'string') return recordTextById(database, namespace, storeId(ref))
  return database.jsonText(BY_KEY).get(namespace, ref.key)
}

export function recordTextById(database: Database, namespace: string, id: StoredId): RecordText | undefined {
  return database.jsonText(BY_ID).get(namespace, id)
}

/** The records of these ids, in this order, without those that are gone. One statement for a whole page. */
export function recordTexts(
  database: Database,
  namespace: string,
  ids: readonly string[],
): readonly RecordText[] {
  if (ids.length === 0) return []
  return database.jsonText(BY_IDS).all(JSON.stringify(ids), namespace)
}

/** The record that this transaction has written. */
export function writtenText(database: Database, namespace: string, id: StoredId): RecordText {
  const text = recordTextById(database, namespace, id)
  if (text === undefined) throw new Error('a record that was written has no content')
  return text
}

/** The text of a record that this transaction knows whole. */
export function textOf(row: RecordRow): RecordText {
  return JSON.stringify(row)
}

type Mutable<T> = { -readonly [Member in keyof T]: T[Member] }

/** Where a record and its content keep the row they were made of. */
const ROW = Symbol('row')
interface MadeOfRow {
  readonly [ROW]: RecordRow
}

// One function for all records: with a closure for each, the engine would hold every record as a dictionary of its own.
const CREATED_AT = {
  enumerable: true,
  get(this: MadeOfRow): Date {
    return new Date(this[ROW][0][6])
  },
}
const UPDATED_AT = {
  enumerable: true,
  get(this: MadeOfRow): Date {
    return new Date(this[ROW][0][7])
  },
}
const CONTENT_CREATED_AT = {
  enumerable: true,
  get(this: MadeOfRow): Date {
    return new Date(this[ROW][0][12])
  },
}

/**
 * The record, for all who want it: nobody can change what others see. Instants are made anew for each look,
 * because a Date cannot be frozen. Members of rows are read by their place: to take a row apart leaves garbage.
 */
export function recordOf(text: RecordText): MediaRecord {
  const row = JSON.parse(text) as RecordRow
  const columns = row[0]
  const record: Mutable<Omit<MediaRecord, 'createdAt' | 'updatedAt'>> = {
    id: readJsonId(columns[0]),
    namespace: columns[1],
    owner: columns[3],
    visibility: columns[4],
    revision: columns[5],
    tags: Object.freeze(row[1]),
    metadata: frozen(row[3]),
    links: frozenEach(row[2]),
    content: contentOf(row),
  }
  if (columns[2] !== null) record.key = columns[2]
  Object.defineProperty(record, ROW, { value: row })
  Object.defineProperty(record, 'createdAt', CREATED_AT)
  Object.defineProperty(record, 'updatedAt', UPDATED_AT)
  // The two members that were left out above are there now.
  return Object.freeze(record) as MediaRecord
}

function contentOf(row: RecordRow): ContentRecord {
  const columns = row[0]
  const blobId = readJsonId(columns[13])
  const placements: PlacementRecord[] = []
  for (const placement of row[5]) placements.push(placementOf(placement, blobId))
  const content: Mutable<Omit<ContentRecord, 'createdAt'>> = {
    number: columns[8],
    state: columns[9],
    blobId,
    sizeBytes: columns[15],
    contentType: columns[10],
    filename: columns[11],
    facts: frozen(row[4]),
    placements: frozenEach(placements),
  }
  if (columns[14] !== '') content.digest = `sha256:${columns[14].toLowerCase()}`
  Object.defineProperty(content, ROW, { value: row })
  Object.defineProperty(content, 'createdAt', CONTENT_CREATED_AT)
  return Object.freeze(content) as ContentRecord
}

export function placementOf(row: PlacementRow, blobId: string): PlacementRecord {
  const placement: Mutable<PlacementRecord> = {
    id: readJsonId(row[0]),
    blobId,
    volumeId: readJsonId(row[1]),
    key: row[2],
    state: row[3],
    owned: row[4] === 1,
    storedBytes: row[5],
  }
  if (row[6] !== null) placement.etag = row[6]
  return placement
}

export function placementRow(placement: PlacementRecord): PlacementRow {
  const { id, volumeId, key, state, owned, storedBytes, etag } = placement
  return [jsonId(id), jsonId(volumeId), key, state, owned ? 1 : 0, storedBytes, etag ?? null]
}

/** Of JSON: whatever a host put into it. */
function frozen<T extends object>(value: T): T {
  for (const name in value) {
    const member = value[name]
    if (typeof member === 'object' && member !== null) frozen(member)
  }
  return Object.freeze(value)
}

/** A list of flat objects. */
function frozenEach<T extends object>(list: readonly T[]): readonly T[] {
  for (const one of list) Object.freeze(one)
  return Object.freeze(list)
}
