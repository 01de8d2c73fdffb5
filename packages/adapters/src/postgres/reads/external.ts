import {
  decodeWalkCursor,
  type ExternalPage,
  encodeWalkCursor,
  type KnownExternal,
  type WalkOptions,
} from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'

const external = (bound: '>' | '>='): string => `SELECT json_build_object('key', p.key, 'etag', p.etag,
    'sizeBytes', (SELECT size_bytes FROM @blobs WHERE id = p.blob_id), 'placementId', p.id, 'blobId', p.blob_id)
  FROM @placements p WHERE NOT p.owned AND p.volume_id = $1 AND p.key ${bound} $2 ORDER BY p.key LIMIT $3`

const BEHIND = external('>')
const FROM = external('>=')

type ExternalRow = Omit<KnownExternal, 'etag'> & { readonly etag: string | null }

/** In order of the keys' bytes: what is stored for a text sorts as the text does. */
export async function listExternal(
  database: Database,
  volumeId: string,
  { cursor, limit, from = '' }: WalkOptions & { readonly from?: string },
): Promise<ExternalPage> {
  const [after] = decodeWalkCursor('external', 1, cursor) ?? []
  const rows = await database.ask(
    'list external objects',
    sql<ExternalRow>(after === undefined ? FROM : BEHIND, volumeId, after ?? from, limit + 1),
  )
  const objects = rows
    .slice(0, limit)
    .map(({ etag, ...object }) => (etag === null ? object : { ...object, etag }))
  const last = objects.at(-1)
  return rows.length <= limit || last === undefined
    ? { objects }
    : { objects, cursor: encodeWalkCursor('external', last.key) }
}
