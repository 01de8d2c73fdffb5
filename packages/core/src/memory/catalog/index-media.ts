import { ALL_MEDIA, termsOf } from '../../catalog/index.ts'
import { addId, removeId } from './postings.ts'
import { servingContent } from './snapshots.ts'
import { addTo, type MediaRow, type MemoryTables, namespaceOf } from './tables.ts'

/** Takes a row out of all indexes, to change or delete it. */
export function unindexMedia(tables: MemoryTables, row: MediaRow): void {
  const { byKey, postings, ownerBytes } = namespaceOf(tables, row.namespace)
  if (row.key !== undefined) byKey.delete(row.key)
  for (const term of row.terms) {
    const ids = postings.get(term)
    if (ids === undefined) continue
    removeId(ids, row.id)
    if (ids.length === 0) postings.delete(term)
  }
  addTo(ownerBytes, row.owner, -contentBytes(row))
}

export function indexMedia(tables: MemoryTables, row: MediaRow): void {
  const { byKey, postings, ownerBytes } = namespaceOf(tables, row.namespace)
  if (row.key !== undefined) byKey.set(row.key, row)
  row.terms = [
    ALL_MEDIA,
    ...termsOf({
      owner: row.owner,
      ...(row.key === undefined ? {} : { key: row.key }),
      tags: row.tags,
      metadata: row.metadata,
      links: row.links,
      content: servingContent(row),
    }),
  ]
  for (const term of row.terms) {
    const ids = postings.get(term)
    if (ids === undefined) postings.set(term, [row.id])
    else addId(ids, row.id)
  }
  addTo(ownerBytes, row.owner, contentBytes(row))
}

/** What counts for the owner's quota: every content that is kept, also one that waits to serve. */
function contentBytes(row: MediaRow): number {
  return row.contents.reduce((sum, content) => sum + content.blob.sizeBytes, 0)
}
