import { ALL_MEDIA, decodeWalkCursor, encodeWalkCursor, portableMedia } from '../../catalog/index.ts'
import type { PortableMedia, PortablePage, WalkOptions } from '../../contracts/catalog.ts'
import { idsAbove } from './postings.ts'
import { mediaRecord, servingContent } from './snapshots.ts'
import type { MemoryTables } from './tables.ts'

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
      if (row === undefined) continue
      const { domain, chunkSums } = servingContent(row).blob
      media.push(portableMedia(mediaRecord(row), domain, chunkSums?.slice()))
    }
  }
  return { media }
}
