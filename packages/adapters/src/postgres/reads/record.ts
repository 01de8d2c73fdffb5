import type {
  ContentRecord,
  JsonObject,
  LinkTarget,
  MediaFacts,
  MediaRecord,
  MediaRef,
  MediaState,
  PlacementRecord,
  PlacementState,
  Visibility,
} from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'

/** A placement as JSON: members by place, because names take longer to write and to read. */
export type PlacementRow = readonly [
  id: string,
  blobId: string,
  volumeId: string,
  key: string,
  state: PlacementState,
  owned: boolean,
  storedBytes: number,
  etag: string | null,
]

/** SQL of a `PlacementRow` made of the row `p`. */
export const PLACEMENT_AS_JSON =
  'json_build_array(p.id, p.blob_id, p.volume_id, p.key, p.state, p.owned, p.stored_bytes, p.etag)'

/** A record as JSON. Instants are milliseconds; what is stored as JSON is a text in it. */
export type RecordRow = readonly [media: MediaColumns, content: ContentColumns]

type MediaColumns = readonly [
  id: string,
  namespace: string,
  key: string | null,
  owner: string,
  visibility: Visibility,
  revision: number,
  createdAt: number,
  updatedAt: number,
  tags: string,
  links: string,
  metadata: string,
]

type ContentColumns = readonly [
  number: number,
  state: MediaState,
  contentType: string,
  filename: string,
  facts: string,
  contentAt: number,
  blobId: string,
  digest: string | null,
  sizeBytes: number,
  placements: readonly PlacementRow[] | null,
]

/** SQL of a `RecordRow` made of `m`, its content `c` and the blob `b`. */
export const RECORD_AS_JSON: string = `json_build_array(
  json_build_array(m.id, m.namespace, m.key, m.owner, m.visibility, m.revision, m.created_at, m.updated_at, m.tags,
    m.links, m.metadata),
  json_build_array(c.number, c.state, c.content_type, c.filename, c.facts, c.created_at,
  c.blob_id, encode(b.digest, 'hex'), b.size_bytes,
  (SELECT json_agg(${PLACEMENT_AS_JSON} ORDER BY p.id) FROM @placements p
   WHERE p.blob_id = c.blob_id AND p.state = 'live')))`

/** Joins `m` with the content that serves and its blob, each looked up in its index. */
export const WITH_CONTENT = `
  CROSS JOIN LATERAL (SELECT * FROM @contents WHERE media_id = m.id AND number = m.content_number LIMIT 1) c
  CROSS JOIN LATERAL (SELECT * FROM @blobs WHERE id = c.blob_id LIMIT 1) b`

const BY_ID = `SELECT ${RECORD_AS_JSON} FROM @media m ${WITH_CONTENT} WHERE m.namespace = $1 AND m.id = $2`
const BY_KEY = `SELECT ${RECORD_AS_JSON} FROM @media m ${WITH_CONTENT} WHERE m.namespace = $1 AND m.key = $2`

/** The record of this namespace, if there is one. */
export function selectRecord(namespace: string, ref: MediaRef): Statement<RecordRow> {
  return typeof ref === 'string'
    ? sql<RecordRow>(BY_ID, namespace, ref)
    : sql<RecordRow>(BY_KEY, namespace, ref.key)
}

/** The record of a row. Nobody else has it. */
export function recordOf([media, content]: RecordRow): MediaRecord {
  const [id, namespace, key, owner, visibility, revision, createdAt, updatedAt, tags, links, metadata] = media
  return {
    id,
    namespace,
    ...(key === null ? {} : { key }),
    owner,
    visibility,
    revision,
    tags: JSON.parse(tags) as readonly string[],
    metadata: JSON.parse(metadata) as JsonObject,
    links: JSON.parse(links) as readonly LinkTarget[],
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
    content: contentOf(content),
  }
}

function contentOf([
  number,
  state,
  contentType,
  filename,
  facts,
  createdAt,
  blobId,
  digest,
  sizeBytes,
  placements,
]: ContentColumns): ContentRecord {
  return {
    number,
    state,
    blobId,
    ...(digest === null ? {} : { digest: `sha256:${digest}` }),
    sizeBytes,
    contentType,
    filename,
    facts: JSON.parse(facts) as MediaFacts,
    createdAt: new Date(createdAt),
    placements: (placements ?? []).map(placementOf),
  }
}

export function placementOf([
  id,
  blobId,
  volumeId,
  key,
  state,
  owned,
  storedBytes,
  etag,
]: PlacementRow): PlacementRecord {
  return { id, blobId, volumeId, key, state, owned, storedBytes, ...(etag === null ? {} : { etag }) }
}
