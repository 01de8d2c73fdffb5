import type { CatalogPage, MediaRecord } from '../contracts/catalog.ts'
import type { MediaQuery } from '../contracts/media.ts'
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { idBounds } from './id-bounds.ts'
import { matchesQuery } from './matches.ts'
import { queryTerms } from './terms.ts'
import { type ReadPostings, zigzag } from './zigzag.ts'

/** Reads plus ids read plus records looked at, for one page. Then the page ends, short, with a cursor. */
const MAX_PAGE_WORK = 4_096
/** Posting list of all media of the namespace. */
export const ALL_MEDIA = ''

/** How a list reads one namespace of a catalog. All calls of one page see one state of it. */
export interface PageSource {
  /** Postings of a term; of every media for `ALL_MEDIA`. */
  readonly read: ReadPostings
  /** The records of these ids, in this order, without those that are gone. */
  load(ids: readonly string[]): readonly MediaRecord[]
  findKey(key: string): MediaRecord | undefined
}

/**
 * One page of a list: newest first, at most `limit` records. The cost is bounded whatever the filters and the number
 * of records: where filters hardly ever meet, the page is short or empty and has a cursor.
 * Without `nextCursor` nothing was left when the page was made.
 * @throws MediaError MEDIA_BAD_INPUT `bad-limit` | `bad-cursor`
 */
export function readPage(
  namespace: string,
  query: MediaQuery,
  source: PageSource,
  options: { readonly maxWork?: number } = {},
): CatalogPage {
  const limit = pageLimit(query)
  const after = decodeCursor(namespace, query)
  if (query.key !== undefined) return keyPage(query.key, query, source, after)

  const bounds = idBounds(query)
  const before = lower(after, bounds.before)
  const terms = queryTerms(query)
  const records: MediaRecord[] = []
  let waiting: string[] = []
  // One more than asked for, so that the last full page has no cursor to an empty one.
  const wanted = limit + 1
  const look = (): void => {
    for (const record of source.load(waiting)) if (matchesQuery(record, query)) records.push(record)
    waiting = []
  }
  const end = zigzag({
    terms: terms.length === 0 ? [ALL_MEDIA] : terms,
    read: source.read,
    before,
    from: bounds.from,
    maxWork: options.maxWork ?? MAX_PAGE_WORK,
    ...(terms.length <= 1 ? { firstRead: wanted } : {}),
    onId(id) {
      waiting.push(id)
      if (records.length + waiting.length >= wanted) look()
      return records.length < wanted
    },
  })
  look()
  const page = records.slice(0, limit)
  const lastId = records.length > limit ? page.at(-1)?.id : end.type === 'spent' ? end.lastId : undefined
  return lastId === undefined
    ? { records: page }
    : { records: page, nextCursor: encodeCursor(namespace, query, lastId) }
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-limit` */
export function pageLimit(query: Pick<MediaQuery, 'limit'>): number {
  const limit = query.limit ?? DEFAULT_PAGE_SIZE
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE) return limit
  throw new MediaError('MEDIA_BAD_INPUT', `limit must be a whole number from 1 to ${MAX_PAGE_SIZE}`, {
    reason: 'bad-limit',
  })
}

/** A key names one record at most. */
function keyPage(key: string, query: MediaQuery, source: PageSource, after: string | undefined): CatalogPage {
  const record = source.findKey(key)
  if (record === undefined || !matchesQuery(record, query)) return { records: [] }
  return { records: after !== undefined && record.id >= after ? [] : [record] }
}

function lower(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}
