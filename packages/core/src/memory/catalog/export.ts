import { ALL_MEDIA, decodeWalkCursor, encodeWalkCursor, portableMedia } from '../../catalog/index.ts'
import type { ExportOptions, PortableMedia, PortablePage } from '../../contracts/catalog.ts'
import { addId, idsAbove } from './postings.ts'
import { mediaRecord, servingContent } from './snapshots.ts'
import type { MemoryTables } from './tables.ts'

export function exportMedia(tables: MemoryTables, { blobId, cursor, limit }: ExportOptions): PortablePage {
  const [fromNamespace = '', afterId] = decodeWalkCursor('media', 2, cursor) ?? []
  const media: PortableMedia[] = []
  const byNamespace = blobId === undefined ? undefined : idsSharing(tables, blobId)
  const namespaces = [...(byNamespace ?? tables.namespaces).keys()]
    .filter((name) => name >= fromNamespace)
    .sort()
  for (const namespace of namespaces) {
    const ids =
      byNamespace === undefined
        ? tables.namespaces.get(namespace)?.postings.get(ALL_MEDIA)
        : byNamespace.get(namespace)
    const after = namespace === fromNamespace ? afterId : undefined
    for (const id of idsAbove(ids ?? [], after, limit - media.length + 1)) {
      const last = media.at(-1)
      if (last !== undefined && media.length >= limit)
        return { media, cursor: encodeWalkCursor('media', last.namespace, last.id) }
      const row = tables.media.get(id)
      if (row === undefined) continue
      const { domain, chunkSums, verdict } = servingContent(row).blob
      media.push(portableMedia(mediaRecord(row), domain, chunkSums?.slice(), verdict))
    }
  }
  return { media }
}

/** Ids of the media that this blob serves, by namespace, in order. */
function idsSharing(tables: MemoryTables, blobId: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const { mediaId } of tables.blobs.get(blobId)?.contents ?? []) {
    const row = tables.media.get(mediaId)
    if (row === undefined || servingContent(row).blob.id !== blobId) continue
    const ids = found.get(row.namespace) ?? []
    addId(ids, mediaId)
    found.set(row.namespace, ids)
  }
  return found
}
