import type { PortableMedia, PortablePage, PortablePlacement, WalkOptions } from '@mediakeep/core'
import { decodeWalkCursor, encodeWalkCursor } from '@mediakeep/core'
import type { Database } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'
import { recordOf, recordTextById } from './record.ts'
import { inSnapshot } from './snapshot.ts'
import { readChunkSums } from './usage.ts'
import { BELOW_ALL } from './walk.ts'

/** A page ends when its chunk sums are this long: those of one large body are megabytes. */
const MAX_SUMS_BYTES = 8 * 1024 * 1024

/** In order of the table: namespace, then id. */
export function exportMedia(database: Database, { cursor, limit }: WalkOptions): PortablePage {
  const [namespace = '', id] = decodeWalkCursor('media', 2, cursor) ?? []
  return inSnapshot(database, () => {
    const rows = database
      .sql<{ readonly namespace: string; readonly id: StoredId }>(
        'SELECT namespace, id FROM media WHERE (namespace, id) > (?, ?) ORDER BY namespace, id LIMIT ?',
      )
      .all(namespace, id === undefined ? BELOW_ALL : storeId(id), limit + 1)
    const media: PortableMedia[] = []
    let sumsBytes = 0
    for (const row of rows) {
      const last = media.at(-1)
      if (last !== undefined && (media.length >= limit || sumsBytes >= MAX_SUMS_BYTES))
        return { media, cursor: encodeWalkCursor('media', last.namespace, last.id) }
      const one = portableMedia(database, row.namespace, row.id)
      sumsBytes += one.blob.chunkSums?.byteLength ?? 0
      media.push(one)
    }
    return { media }
  })
}

function portableMedia(database: Database, namespace: string, id: StoredId): PortableMedia {
  const text = recordTextById(database, namespace, id)
  if (text === undefined) throw new Error('a record of this state of the database has no content')
  const { content, ...record } = recordOf(text)
  const { number, state, contentType, filename, facts, createdAt, blobId, digest, sizeBytes, placements } =
    content
  const chunkSums = readChunkSums(database, storeId(blobId))
  return {
    ...record,
    content: { number, state, contentType, filename, facts, createdAt },
    blob: {
      domain: domainOf(database, storeId(blobId)),
      ...(digest === undefined ? {} : { digest }),
      sizeBytes,
      // Its own buffer: a view would take all of what it looks at across the thread.
      ...(chunkSums === undefined ? {} : { chunkSums: new Uint8Array(chunkSums) }),
    },
    placements: placements.map(
      ({ blobId: _blobId, state: _state, ...placement }): PortablePlacement => placement,
    ),
  }
}

function domainOf(database: Database, blobId: StoredId): string {
  const row = database.sql<{ readonly domain: string }>('SELECT domain FROM blobs WHERE id = ?').get(blobId)
  if (row === undefined) throw new Error('a content of this state of the database has no blob')
  return row.domain
}
