import {
  type BlobCopies,
  type Catalog,
  type CopiesPage,
  type Digest,
  encodeWalkCursor,
  type StoredCopy,
  type ThinBlobsPage,
} from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { PLACEMENT_AS_JSON, type PlacementRow, placementOf } from './record.ts'
import { WANTED } from './references.ts'
import { MAX_LOOKED_AT, walkFrom } from './walk.ts'

type CopyRow = readonly [
  placement: PlacementRow,
  digest: string | null,
  sizeBytes: number,
  verifiedAt: number | null,
]

/** What a walk found, and where it stopped looking when it did so for having looked at enough. */
interface Walked<Row, End> {
  readonly found: readonly Row[]
  readonly end: End | null
}

// What is looked at is read as far as the page needs it. Where the page is full nobody asks for the end.
const COPIES = `WITH looked AS MATERIALIZED (
    SELECT * FROM @placements WHERE (blob_id, id) > ($1, $2) ORDER BY blob_id, id LIMIT ${MAX_LOOKED_AT}),
  found AS MATERIALIZED (
    SELECT json_build_array(${PLACEMENT_AS_JSON}, encode(b.digest, 'hex'), b.size_bytes, p.verified_at) AS copy
    FROM looked p CROSS JOIN LATERAL (SELECT * FROM @blobs WHERE id = p.blob_id LIMIT 1) b
    WHERE p.state IN ('live', 'bad') AND p.owned AND p.volume_id = ANY($3::text[])
      AND (p.verified_at IS NULL OR p.verified_at <= $4::bigint)
    LIMIT $5)
  SELECT json_build_object('found', (SELECT coalesce(json_agg(copy), '[]') FROM found),
    'end', CASE WHEN (SELECT count(*) FROM found) < $5
      THEN (SELECT json_build_array(blob_id, id) FROM looked OFFSET ${MAX_LOOKED_AT - 1} LIMIT 1) END)`

/** In order of blob and placement: a page is one range of an index. */
export async function listCopies(
  database: Database,
  { volumeIds, cursor, limit, notVerifiedSince }: Parameters<Catalog['listCopies']>[0],
): Promise<CopiesPage> {
  const [blobId = '', id = ''] = walkFrom('copies', 2, cursor)
  const since = notVerifiedSince?.getTime() ?? Number.MAX_SAFE_INTEGER
  const [page] = await database.ask(
    'list copies',
    sql<Walked<CopyRow, readonly [blobId: string, id: string]>>(COPIES, blobId, id, volumeIds, since, limit),
  )
  const copies = (page?.found ?? []).map(copyOf)
  const last = copies.length < limit ? undefined : copies.at(-1)?.placement
  if (last !== undefined) return { copies, cursor: encodeWalkCursor('copies', last.blobId, last.id) }
  return page?.end == null ? { copies } : { copies, cursor: encodeWalkCursor('copies', ...page.end) }
}

function copyOf([placement, digest, sizeBytes, verifiedAt]: CopyRow): StoredCopy {
  return {
    placement: placementOf(placement),
    ...digestMember(digest),
    sizeBytes,
    ...(verifiedAt === null ? {} : { verifiedAt: new Date(verifiedAt) }),
  }
}

type BlobRow = readonly [
  id: string,
  digest: string | null,
  sizeBytes: number,
  placements: readonly PlacementRow[] | null,
]

const BLOB_AS_JSON = `json_build_array(b.id, encode(b.digest, 'hex'), b.size_bytes,
  (SELECT json_agg(${PLACEMENT_AS_JSON} ORDER BY p.id) FROM @placements p
   WHERE p.blob_id = b.id AND p.state IN ('live', 'bad')))`

const THIN = `WITH looked AS MATERIALIZED (
    SELECT id, digest, size_bytes FROM @blobs WHERE id > $1 ORDER BY id LIMIT ${MAX_LOOKED_AT}),
  found AS MATERIALIZED (
    SELECT ${BLOB_AS_JSON} AS blob FROM looked b
    WHERE ${WANTED} AND (SELECT count(DISTINCT p.volume_id) FROM @placements p
      WHERE p.blob_id = b.id AND p.state = 'live' AND p.volume_id = ANY($2::text[])) < $3
      AND ((SELECT 1 FROM @placements p WHERE p.blob_id = b.id AND p.state = 'live' AND NOT p.owned LIMIT 1) IS NULL
        OR (SELECT 1 FROM @placements p WHERE p.blob_id = b.id AND p.state IN ('live', 'bad') AND p.owned
          AND p.volume_id = ANY($2::text[]) LIMIT 1) IS NOT NULL)
    LIMIT $4)
  SELECT json_build_object('found', (SELECT coalesce(json_agg(blob), '[]') FROM found),
    'end', CASE WHEN (SELECT count(*) FROM found) < $4
      THEN (SELECT to_json(id) FROM looked OFFSET ${MAX_LOOKED_AT - 1} LIMIT 1) END)`

export async function listThinBlobs(
  database: Database,
  { volumeIds, minCopies, cursor, limit }: Parameters<Catalog['listThinBlobs']>[0],
): Promise<ThinBlobsPage> {
  const [after = ''] = walkFrom('thin-blobs', 1, cursor)
  const [page] = await database.ask(
    'list thin blobs',
    sql<Walked<BlobRow, string>>(THIN, after, volumeIds, minCopies, limit),
  )
  const blobs = (page?.found ?? []).map(blobOf)
  const last = blobs.length < limit ? undefined : blobs.at(-1)
  const end = last?.blobId ?? page?.end ?? undefined
  return end === undefined ? { blobs } : { blobs, cursor: encodeWalkCursor('thin-blobs', end) }
}

export function selectCopies(blobId: string): Statement<BlobRow> {
  return sql<BlobRow>(`SELECT ${BLOB_AS_JSON} FROM @blobs b WHERE b.id = $1`, blobId)
}

export function blobOf([blobId, digest, sizeBytes, placements]: BlobRow): BlobCopies {
  return { blobId, ...digestMember(digest), sizeBytes, placements: (placements ?? []).map(placementOf) }
}

function digestMember(hex: string | null): { readonly digest?: Digest } {
  return hex === null ? {} : { digest: `sha256:${hex}` }
}
