import type {
  BlobCopies,
  Catalog,
  CopiesPage,
  Digest,
  PlacementRecord,
  StoredCopy,
  ThinBlobsPage,
} from '@mediakeep/core'
import type { Database } from '../database.ts'
import { idAsJson, readJsonId, type StoredId, storeId } from '../ids.ts'
import { PLACEMENT_AS_JSON, type PlacementRow, placementOf } from './record.ts'
import { WANTED } from './references.ts'
import { inSnapshot } from './snapshot.ts'
import { MAX_LOOKED_AT, places, walkCursor, walkFrom } from './walk.ts'

type CopyJson = readonly [
  blobId: string,
  digest: string,
  sizeBytes: number,
  verifiedAt: number | null,
  placement: PlacementRow,
]

const COPY_AS_JSON = `json_array(${idAsJson('p.blobId')}, hex(b.digest), b.sizeBytes, p.verifiedAt, ${PLACEMENT_AS_JSON})`

/** In order of blob and placement, which is how the table is clustered: a page is one range of it. */
export function listCopies(
  database: Database,
  { volumeIds, cursor, limit, notVerifiedSince }: Parameters<Catalog['listCopies']>[0],
): CopiesPage {
  const from = walkFrom('copies', 2, cursor)
  return inSnapshot(database, () => {
    const copies = database
      .json<CopyJson>(
        `SELECT ${COPY_AS_JSON} AS json FROM
           (SELECT * FROM placements WHERE (blobId, id) > (?, ?) ORDER BY blobId, id LIMIT ${MAX_LOOKED_AT}) p
         CROSS JOIN blobs b ON b.id = p.blobId
         WHERE p.state IN ('live', 'bad') AND p.owned = 1 AND p.volumeId IN ${places(volumeIds.length)}
           AND (p.verifiedAt IS NULL OR p.verifiedAt <= ?)
         ORDER BY p.blobId, p.id LIMIT ?`,
      )
      .all(...from, ...volumeIds.map(storeId), notVerifiedSince?.getTime() ?? Number.MAX_SAFE_INTEGER, limit)
      .map(copyOf)
    const last = copies.length < limit ? undefined : copies.at(-1)?.placement
    if (last !== undefined)
      return { copies, cursor: walkCursor('copies', storeId(last.blobId), storeId(last.id)) }
    const end = database
      .sql<{ readonly blobId: StoredId; readonly id: StoredId }>(
        `SELECT blobId, id FROM placements WHERE (blobId, id) > (?, ?) ORDER BY blobId, id LIMIT 1 OFFSET ${MAX_LOOKED_AT - 1}`,
      )
      .get(...from)
    return { copies, ...(end === undefined ? {} : { cursor: walkCursor('copies', end.blobId, end.id) }) }
  })
}

function copyOf([blobId, digest, sizeBytes, verifiedAt, placement]: CopyJson): StoredCopy {
  return {
    placement: placementOf(placement, readJsonId(blobId)),
    ...digestMember(digest),
    sizeBytes,
    ...(verifiedAt === null ? {} : { verifiedAt: new Date(verifiedAt) }),
  }
}

type BlobJson = readonly [id: string, digest: string, sizeBytes: number, placements: readonly PlacementRow[]]

const BLOB_AS_JSON = `json_array(${idAsJson('b.id')}, hex(b.digest), b.sizeBytes,
  (SELECT json_group_array(${PLACEMENT_AS_JSON}) FROM placements p
   WHERE p.blobId = b.id AND p.state IN ('live', 'bad')))`

export function listThinBlobs(
  database: Database,
  { volumeIds, minCopies, cursor, limit }: Parameters<Catalog['listThinBlobs']>[0],
): ThinBlobsPage {
  const from = walkFrom('thin-blobs', 1, cursor)
  return inSnapshot(database, () => {
    const blobs = database
      .json<BlobJson>(
        `SELECT ${BLOB_AS_JSON} AS json FROM
           (SELECT id, digest, sizeBytes FROM blobs WHERE id > ? ORDER BY id LIMIT ${MAX_LOOKED_AT}) b
         WHERE ${WANTED} AND (SELECT count(DISTINCT p.volumeId) FROM placements p
           WHERE p.blobId = b.id AND p.state = 'live' AND p.volumeId IN ${places(volumeIds.length)}) < ?
           AND (NOT EXISTS(SELECT 1 FROM placements p WHERE p.blobId = b.id AND p.state = 'live' AND p.owned = 0)
             OR EXISTS(SELECT 1 FROM placements p WHERE p.blobId = b.id AND p.state IN ('live', 'bad') AND p.owned = 1
               AND p.volumeId IN ${places(volumeIds.length)}))
         ORDER BY b.id LIMIT ?`,
      )
      .all(...from, ...volumeIds.map(storeId), minCopies, ...volumeIds.map(storeId), limit)
      .map(blobOf)
    const last = blobs.length < limit ? undefined : blobs.at(-1)
    if (last !== undefined) return { blobs, cursor: walkCursor('thin-blobs', storeId(last.blobId)) }
    const end = database
      .sql<{ readonly id: StoredId }>(
        `SELECT id FROM blobs WHERE id > ? ORDER BY id LIMIT 1 OFFSET ${MAX_LOOKED_AT - 1}`,
      )
      .get(...from)
    return { blobs, ...(end === undefined ? {} : { cursor: walkCursor('thin-blobs', end.id) }) }
  })
}

export function copiesOf(database: Database, blobId: StoredId): BlobCopies | undefined {
  const row = database
    .json<BlobJson>(`SELECT ${BLOB_AS_JSON} AS json FROM blobs b WHERE b.id = ?`)
    .get(blobId)
  return row === undefined ? undefined : blobOf(row)
}

function blobOf([id, digest, sizeBytes, found]: BlobJson): BlobCopies {
  const blobId = readJsonId(id)
  const placements: PlacementRecord[] = found.map((placement) => placementOf(placement, blobId))
  return { blobId, ...digestMember(digest), sizeBytes, placements }
}

/** @param hex as SQL writes it: upper case, empty for none */
export function digestMember(hex: string): { readonly digest?: Digest } {
  return hex === '' ? {} : { digest: `sha256:${hex.toLowerCase()}` }
}
