import {
  type BlobVerdict,
  type Catalog,
  type Digest,
  encodeWalkCursor,
  freshBeginnings,
  type HeldContent,
  type UnscannedBlob,
  type UnscannedPage,
  verdictOfText,
} from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { storeDigest } from '../writes/stage.ts'
import { MAX_LOOKED_AT, walkFrom } from './walk.ts'

const VERDICT = 'SELECT to_json(verdict) FROM @blobs WHERE domain = $1 AND digest = $2'

export async function verdictOf(
  database: Database,
  domain: string,
  digest: Digest,
): Promise<BlobVerdict | undefined> {
  const asked = sql<string | null>(VERDICT, domain, storeDigest(digest))
  const [text] = await database.ask('look at a verdict', asked)
  return text == null ? undefined : verdictOfText(text)
}

type HeldRow = readonly [number: number, state: HeldContent['state'], blobId: string, digest: string | null]

const HELD = `SELECT json_build_array(c.number, c.state, b.id, encode(b.digest, 'hex')) FROM @contents c
  CROSS JOIN LATERAL (SELECT id, digest FROM @blobs WHERE id = c.blob_id LIMIT 1) b
  WHERE c.media_id = $1 AND c.state IN ('pending', 'quarantined') ORDER BY c.number DESC`

export async function heldContents(database: Database, mediaId: string): Promise<readonly HeldContent[]> {
  const found = await database.ask('look at what is held', sql<HeldRow>(HELD, mediaId))
  return found.map(([number, state, blobId, digest]) => ({
    number,
    state,
    blobId,
    ...(digest === null ? {} : { digest: `sha256:${digest}` as const }),
  }))
}

type UnscannedRow = readonly [
  id: string,
  domain: string,
  digest: string,
  sizeBytes: number,
  contentType: string,
  verdict: string | null,
]

/** What a walk found, and where it stopped looking when it did so for having looked at enough. */
interface Walked {
  readonly found: readonly UnscannedRow[]
  readonly end: string | null
}

const AS_JSON = `json_build_array(b.id, b.domain, encode(b.digest, 'hex'), b.size_bytes, c.content_type, b.verdict)`

// One row of the index for each content that waits, of which a blob may have many.
const PENDING = `WITH looked AS MATERIALIZED (
    SELECT blob_id, min(content_type) AS content_type FROM @contents
    WHERE state = 'pending' AND blob_id > $1 GROUP BY blob_id ORDER BY blob_id LIMIT $2)
  SELECT json_build_object('found', (SELECT coalesce(json_agg(${AS_JSON} ORDER BY b.id), '[]') FROM looked c
      CROSS JOIN LATERAL (SELECT * FROM @blobs WHERE id = c.blob_id LIMIT 1) b WHERE b.digest IS NOT NULL),
    'end', (SELECT to_json(blob_id) FROM looked OFFSET $2 - 1 LIMIT 1))`

const STALE = `WITH looked AS MATERIALIZED (
    SELECT id, domain, digest, size_bytes, verdict FROM @blobs WHERE id > $1 ORDER BY id LIMIT ${MAX_LOOKED_AT}),
  found AS MATERIALIZED (
    SELECT ${AS_JSON} AS blob FROM looked b
    CROSS JOIN LATERAL (SELECT content_type FROM @contents WHERE blob_id = b.id LIMIT 1) c
    WHERE b.digest IS NOT NULL AND (b.verdict IS NULL OR NOT EXISTS (
      SELECT 1 FROM unnest($2::text[]) AS f(beginning) WHERE left(b.verdict, length(f.beginning)) = f.beginning))
    LIMIT $3)
  SELECT json_build_object('found', (SELECT coalesce(json_agg(blob), '[]') FROM found),
    'end', CASE WHEN (SELECT count(*) FROM found) < $3
      THEN (SELECT to_json(id) FROM looked OFFSET ${MAX_LOOKED_AT - 1} LIMIT 1) END)`

/** In order of the blobs' ids. */
export async function listUnscanned(
  database: Database,
  { which, cursor, limit }: Parameters<Catalog['listUnscanned']>[0],
): Promise<UnscannedPage> {
  const [after = ''] = walkFrom('unscanned', 1, cursor)
  const [page] = await database.ask(
    'list blobs without a verdict',
    which === 'pending'
      ? sql<Walked>(PENDING, after, limit)
      : sql<Walked>(STALE, after, freshBeginnings(which), limit),
  )
  const blobs = (page?.found ?? []).map(unscannedOf)
  const last = blobs.length < limit ? undefined : blobs.at(-1)
  const end = last?.blobId ?? page?.end ?? undefined
  return end === undefined ? { blobs } : { blobs, nextCursor: encodeWalkCursor('unscanned', end) }
}

function unscannedOf([blobId, domain, digest, sizeBytes, contentType, verdict]: UnscannedRow): UnscannedBlob {
  return {
    blobId,
    domain,
    digest: `sha256:${digest}`,
    sizeBytes,
    contentType,
    ...(verdict === null ? {} : { verdict: verdictOfText(verdict) }),
  }
}
