import { decodeWalkCursor, type ExternalPage, encodeWalkCursor, type WalkOptions } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { readId, type StoredId, storeId } from '../ids.ts'

interface ExternalRow {
  readonly key: string
  readonly etag: string | null
  readonly sizeBytes: number
  readonly placementId: StoredId
  readonly blobId: StoredId
}

export interface ListExternal extends WalkOptions {
  readonly volumeId: string
  readonly from?: string
}

const listing = (bound: '>' | '>='): string =>
  `SELECT p.key AS key, p.etag AS etag, b.sizeBytes AS sizeBytes, p.id AS placementId, p.blobId AS blobId
   FROM placements p INDEXED BY placements_external CROSS JOIN blobs b ON b.id = p.blobId
   WHERE p.owned = 0 AND p.volumeId = ? AND p.key ${bound} ? ORDER BY p.key LIMIT ?`
const BEHIND = listing('>')
const FROM = listing('>=')

/** SQLite compares texts by their UTF-8 bytes, as object stores do. */
export function listExternal(
  database: Database,
  { volumeId, cursor, limit, from }: ListExternal,
): ExternalPage {
  const [after] = decodeWalkCursor('external', 1, cursor) ?? []
  const rows = database
    .sql<ExternalRow>(after === undefined ? FROM : BEHIND)
    .all(storeId(volumeId), after ?? from ?? '', limit + 1)
  const objects = rows.slice(0, limit).map(({ key, etag, sizeBytes, placementId, blobId }) => ({
    key,
    ...(etag === null ? {} : { etag }),
    sizeBytes,
    placementId: readId(placementId),
    blobId: readId(blobId),
  }))
  const last = objects.at(-1)
  return rows.length <= limit || last === undefined
    ? { objects }
    : { objects, cursor: encodeWalkCursor('external', last.key) }
}
