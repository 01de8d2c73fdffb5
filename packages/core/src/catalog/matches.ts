import type { MediaRecord } from '../contracts/catalog.ts'
import type { LinkTarget, MediaQuery } from '../contracts/media.ts'
import { majorOf, recordWords } from './terms.ts'
import { wordsOf } from './words.ts'

/**
 * Tells whether a record answers a query: the meaning of every filter in one place.
 * Limit and cursor are no filters. Both bounds of time are exclusive.
 */
export function matchesQuery(record: MediaRecord, query: MediaQuery): boolean {
  const { content } = record
  if (query.key !== undefined && record.key !== query.key) return false
  if (query.owner !== undefined && record.owner !== query.owner) return false
  if (query.state !== undefined && content.state !== query.state) return false
  if (query.type !== undefined && !matchesType(content.contentType, query.type)) return false
  if (query.tag !== undefined && !record.tags.includes(query.tag)) return false
  if (query.link !== undefined && !hasLink(record.links, query.link)) return false
  if (query.createdAfter !== undefined && record.createdAt.getTime() <= query.createdAfter.getTime())
    return false
  if (query.createdBefore !== undefined && record.createdAt.getTime() >= query.createdBefore.getTime())
    return false
  return query.q === undefined || matchesWords(record, query.q)
}

/** `image/png` matches itself, `image/*` every image; case does not matter. */
export function matchesType(contentType: string, wanted: string): boolean {
  const type = contentType.toLowerCase()
  const pattern = wanted.toLowerCase()
  return pattern.endsWith('/*') ? majorOf(type) === pattern.slice(0, -2) : type === pattern
}

export function hasLink(links: readonly LinkTarget[], link: LinkTarget): boolean {
  return links.some((one) => one.kind === link.kind && one.target === link.target)
}

/** Every word of `q` is a whole word of the record. Text without words asks for nothing, so everything matches. */
function matchesWords(record: MediaRecord, q: string): boolean {
  const words = recordWords(record)
  return wordsOf(q, Number.POSITIVE_INFINITY).every((word) => words.has(word))
}
