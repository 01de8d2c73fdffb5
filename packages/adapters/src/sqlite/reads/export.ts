import type { ExportOptions, PortableMedia, PortablePage } from '@mediakeep/core'
import { decodeWalkCursor, encodeWalkCursor, portableMedia, verdictOfText } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'
import { OF_BLOB, type ServedMedia } from './of-blob.ts'
import { recordOf, recordTextById } from './record.ts'
import { inSnapshot } from './snapshot.ts'
import { readChunkSums } from './usage.ts'
import { BELOW_ALL } from './walk.ts'

/** A page ends when its chunk sums are this long: those of one large body are megabytes. */
const MAX_SUMS_BYTES = 8 * 1024 * 1024

const NEXT = 'SELECT namespace, id FROM media WHERE (namespace, id) > (?, ?) ORDER BY namespace, id LIMIT ?'
const NEXT_OF_BLOB = `${OF_BLOB} AND (m.namespace, m.id) > (?, ?) ORDER BY m.namespace, m.id LIMIT ?`

/** In order of the table: namespace, then id. */
export function exportMedia(database: Database, { blobId, cursor, limit }: ExportOptions): PortablePage {
  const [namespace = '', id] = decodeWalkCursor('media', 2, cursor) ?? []
  const after = [namespace, id === undefined ? BELOW_ALL : storeId(id), limit + 1] as const
  return inSnapshot(database, () => {
    const rows =
      blobId === undefined
        ? database.sql<ServedMedia>(NEXT).all(...after)
        : database.sql<ServedMedia>(NEXT_OF_BLOB).all(storeId(blobId), ...after)
    const media: PortableMedia[] = []
    let sumsBytes = 0
    for (const row of rows) {
      const last = media.at(-1)
      if (last !== undefined && (media.length >= limit || sumsBytes >= MAX_SUMS_BYTES))
        return { media, cursor: encodeWalkCursor('media', last.namespace, last.id) }
      const one = readPortable(database, row.namespace, row.id)
      sumsBytes += one.blob.chunkSums?.byteLength ?? 0
      media.push(one)
    }
    return { media }
  })
}

function readPortable(database: Database, namespace: string, id: StoredId): PortableMedia {
  const text = recordTextById(database, namespace, id)
  if (text === undefined) throw new Error('a record of this state of the database has no content')
  const record = recordOf(text)
  const blobId = storeId(record.content.blobId)
  const chunkSums = readChunkSums(database, blobId)
  // Sums in a buffer of their own: a view would take all of what it looks at across the thread.
  const { domain, verdict } = nameOf(database, blobId)
  return portableMedia(
    record,
    domain,
    chunkSums && new Uint8Array(chunkSums),
    verdict === null ? undefined : verdictOfText(verdict),
  )
}

interface BlobName {
  readonly domain: string
  readonly verdict: string | null
}

function nameOf(database: Database, blobId: StoredId): BlobName {
  const row = database.sql<BlobName>('SELECT domain, verdict FROM blobs WHERE id = ?').get(blobId)
  if (row === undefined) throw new Error('a content of this state of the database has no blob')
  return row
}
