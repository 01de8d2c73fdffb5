import {
  decodeWalkCursor,
  type ExportOptions,
  encodeWalkCursor,
  type PortableMedia,
  type PortablePage,
  portableMedia,
  verdictOfText,
} from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { RECORD_AS_JSON, type RecordRow, recordOf, WITH_CONTENT } from './record.ts'

/** A page ends when its chunk sums are this long: those of one large body are megabytes. */
const MAX_SUMS_BYTES = 8 * 1024 * 1024

type Named = readonly [namespace: string, id: string, sumsBytes: number]

const NEXT = `SELECT json_build_array(m.namespace, m.id, coalesce(octet_length(b.chunk_sums), 0))
  FROM @media m ${WITH_CONTENT} WHERE (m.namespace, m.id) > ($1, $2) ORDER BY m.namespace, m.id LIMIT $3`

const NEXT_OF_BLOB = `SELECT json_build_array(m.namespace, m.id, coalesce(octet_length(b.chunk_sums), 0))
  FROM @contents c
  CROSS JOIN LATERAL (SELECT * FROM @media WHERE id = c.media_id AND content_number = c.number LIMIT 1) m
  CROSS JOIN LATERAL (SELECT * FROM @blobs WHERE id = c.blob_id LIMIT 1) b
  WHERE c.blob_id = $4 AND (m.namespace, m.id) > ($1, $2) ORDER BY m.namespace, m.id LIMIT $3`

type PortableRow = readonly [
  record: RecordRow,
  domain: string,
  chunkSums: string | null,
  verdict: string | null,
]

const OF_IDS = `SELECT json_build_array(${RECORD_AS_JSON}, b.domain, encode(b.chunk_sums, 'hex'), b.verdict)
  FROM unnest($1::text[], $2::text[]) AS w(namespace, id)
  CROSS JOIN LATERAL (SELECT * FROM @media
    WHERE namespace = w.namespace COLLATE "C" AND id = w.id COLLATE "C" LIMIT 1) m ${WITH_CONTENT}
  ORDER BY m.namespace, m.id`

/** In order of namespace and id. Each record is as it was when its page was read; one that went meanwhile is left out. */
export async function exportMedia(
  database: Database,
  { blobId, cursor, limit }: ExportOptions,
): Promise<PortablePage> {
  const [fromNamespace = '', fromId = ''] = decodeWalkCursor('media', 2, cursor) ?? []
  const after = [fromNamespace, fromId, limit + 1] as const
  const names = await database.ask(
    'export media',
    blobId === undefined ? sql<Named>(NEXT, ...after) : sql<Named>(NEXT_OF_BLOB, ...after, blobId),
  )
  const page = fitting(names, limit)
  const rows = await database.ask(
    'export media',
    sql<PortableRow>(
      OF_IDS,
      page.map(([namespace]) => namespace),
      page.map(([, id]) => id),
    ),
  )
  const media = rows.map(portableOf)
  const last = page.length < names.length ? page.at(-1) : undefined
  return last === undefined ? { media } : { media, cursor: encodeWalkCursor('media', last[0], last[1]) }
}

function fitting(names: readonly Named[], limit: number): readonly Named[] {
  const page: Named[] = []
  let sumsBytes = 0
  for (const one of names) {
    if (page.length >= limit || sumsBytes >= MAX_SUMS_BYTES) break
    sumsBytes += one[2]
    page.push(one)
  }
  return page
}

function portableOf([record, domain, chunkSums, verdict]: PortableRow): PortableMedia {
  return portableMedia(
    recordOf(record),
    domain,
    chunkSums === null ? undefined : new Uint8Array(Buffer.from(chunkSums, 'hex')),
    verdict === null ? undefined : verdictOfText(verdict),
  )
}
