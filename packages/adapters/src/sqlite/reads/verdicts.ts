import {
  type BlobVerdict,
  type Catalog,
  type Digest,
  freshBeginnings,
  type HeldContent,
  type UnscannedBlob,
  type UnscannedPage,
  verdictOfText,
} from '@mediakeep/core'
import type { Database } from '../database.ts'
import { idAsJson, readJsonId, type StoredId, storeDigest, storeId } from '../ids.ts'
import { inSnapshot } from './snapshot.ts'
import { MAX_LOOKED_AT, walkCursor, walkFrom } from './walk.ts'

interface VerdictRow {
  readonly verdict: string | null
}

export function verdictOf(database: Database, domain: string, digest: Digest): BlobVerdict | undefined {
  const row = database
    .sql<VerdictRow>('SELECT verdict FROM blobs WHERE domain = ? AND digest = ?')
    .get(domain, storeDigest(digest))
  return row?.verdict == null ? undefined : verdictOfText(row.verdict)
}

type HeldJson = readonly [number: number, state: HeldContent['state'], blobId: string, digest: string]

const HELD = `SELECT json_array(c.number, c.state, ${idAsJson('b.id')}, ifnull(hex(b.digest), '')) AS json
  FROM contents c CROSS JOIN blobs b ON b.id = c.blobId
  WHERE c.mediaId = ? AND c.state IN ('pending', 'quarantined') ORDER BY c.number DESC`

export function heldContents(database: Database, mediaId: string): readonly HeldContent[] {
  const found = database.json<HeldJson>(HELD).all(storeId(mediaId))
  return found.map(([number, state, blobId, digest]) => ({
    number,
    state,
    blobId: readJsonId(blobId),
    ...(digest === '' ? {} : { digest: `sha256:${digest.toLowerCase()}` as const }),
  }))
}

type UnscannedJson = readonly [
  id: string,
  domain: string,
  digest: string,
  sizeBytes: number,
  contentType: string,
  verdict: string | null,
]

const AS_JSON = `json_array(${idAsJson('b.id')}, b.domain, hex(b.digest), b.sizeBytes, c.contentType, b.verdict) AS json`

// One row for each content that waits, of which a blob may have many.
const PENDING = `SELECT ${AS_JSON} FROM
    (SELECT blobId, min(contentType) AS contentType FROM contents
     WHERE state = 'pending' AND blobId > ? GROUP BY blobId ORDER BY blobId LIMIT ?) c
  CROSS JOIN blobs b ON b.id = c.blobId WHERE b.digest IS NOT NULL ORDER BY b.id`
const PENDING_END = `SELECT DISTINCT blobId AS id FROM contents
  WHERE state = 'pending' AND blobId > ? ORDER BY blobId LIMIT 1 OFFSET ?`

const STALE = `SELECT ${AS_JSON} FROM
    (SELECT id, domain, digest, sizeBytes, verdict FROM blobs WHERE id > ? ORDER BY id LIMIT ${MAX_LOOKED_AT}) b
  CROSS JOIN contents c ON c.blobId = b.id
    AND (c.mediaId, c.number) = (SELECT mediaId, number FROM contents WHERE blobId = b.id ORDER BY mediaId, number LIMIT 1)
  WHERE b.digest IS NOT NULL AND (b.verdict IS NULL OR NOT EXISTS(
    SELECT 1 FROM json_each(?) AS fresh WHERE substr(b.verdict, 1, length(fresh.value)) = fresh.value))
  ORDER BY b.id LIMIT ?`
const STALE_END = `SELECT id FROM blobs WHERE id > ? ORDER BY id LIMIT 1 OFFSET ${MAX_LOOKED_AT - 1}`

/** In order of the blobs' ids. */
export function listUnscanned(
  database: Database,
  { which, cursor, limit }: Parameters<Catalog['listUnscanned']>[0],
): UnscannedPage {
  const [after = ''] = walkFrom('unscanned', 1, cursor)
  return inSnapshot(database, () => {
    if (which === 'pending') {
      const blobs = database.json<UnscannedJson>(PENDING).all(after, limit).map(unscannedOf)
      const end = database.sql<{ readonly id: StoredId }>(PENDING_END).get(after, limit - 1)
      return page(blobs, end?.id)
    }
    const fresh = JSON.stringify(freshBeginnings(which))
    const blobs = database.json<UnscannedJson>(STALE).all(after, fresh, limit).map(unscannedOf)
    const last = blobs.length < limit ? undefined : blobs.at(-1)
    if (last !== undefined) return page(blobs, storeId(last.blobId))
    return page(blobs, database.sql<{ readonly id: StoredId }>(STALE_END).get(after)?.id)
  })
}

function page(blobs: readonly UnscannedBlob[], end: StoredId | undefined): UnscannedPage {
  return { blobs, ...(end === undefined ? {} : { nextCursor: walkCursor('unscanned', end) }) }
}

function unscannedOf([id, domain, digest, sizeBytes, contentType, verdict]: UnscannedJson): UnscannedBlob {
  return {
    blobId: readJsonId(id),
    domain,
    digest: `sha256:${digest.toLowerCase()}`,
    sizeBytes,
    contentType,
    ...(verdict === null ? {} : { verdict: verdictOfText(verdict) }),
  }
}
