import { ALL_MEDIA, decodeWalkCursor, encodeWalkCursor } from '../../catalog/index.ts'
import type { PortableMedia, PortablePage, PortablePlacement, WalkOptions } from '../../contracts/catalog.ts'
import { idsAbove } from './postings.ts'
import { mediaRecord, servingContent } from './snapshots.ts'
import type { MediaRow, MemoryTables } from './tables.ts'

export function exportMedia(tables: MemoryTables, { cursor, limit }: WalkOptions): PortablePage {
  const [fromNamespace = '', afterId] = decodeWalkCursor('media', 2, cursor) ?? []
  const media: PortableMedia[] = []
  const namespaces = [...tables.namespaces.keys()].filter((name) => name >= fromNamespace).sort()
  for (const namespace of namespaces) {
    const ids = tables.namespaces.get(namespace)?.postings.get(ALL_MEDIA) ?? []
    const after = namespace === fromNamespace ? afterId : undefined
    for (const id of idsAbove(ids, after, limit - media.length + 1)) {
      const last = media.at(-1)
      if (last !== undefined && media.length >= limit)
        return { media, cursor: encodeWalkCursor('media', last.namespace, last.id) }
      const row = tables.media.get(id)
      if (row !== undefined) media.push(portableMedia(row))
    }
  }
  return { media }
}

function portableMedia(row: MediaRow): PortableMedia {
  const { content, ...record } = mediaRecord(row)
  const { number, state, contentType, filename, facts, createdAt, placements } = content
  const { domain, digest, sizeBytes, chunkSums } = servingContent(row).blob
  return {
    ...record,
    content: { number, state, contentType, filename, facts, createdAt },
    blob: {
      domain,
      ...(digest === undefined ? {} : { digest }),
      sizeBytes,
      ...(chunkSums === undefined ? {} : { chunkSums: chunkSums.slice() }),
    },
    placements: placements.map(
      ({ blobId: _blobId, state: _state, ...placement }): PortablePlacement => placement,
    ),
  }
}
