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
export const MAX_PAGE_WORK = 4_096
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

/** What a page is made of. */
export interface PagePlan {
  readonly limit: number
  /** One more than asked for, so that the last full page has no cursor to an empty one. */
  readonly wanted: number
  /** The id of the record before this page. */
  readonly after: string | undefined
  /** Bounds of ids: `before` is exclusive, `from` inclusive. */
  readonly before: string | undefined
  readonly from: string | undefined
  /** Posting lists whose intersection holds the page; one at least. */
  readonly terms: readonly string[]
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-limit` | `bad-cursor` */
export function planPage(namespace: string, query: MediaQuery): PagePlan {
  const limit = pageLimit(query)
  const after = decodeCursor(namespace, query)
  const bounds = idBounds(query)
  const terms = queryTerms(query)
  return {
    limit,
    wanted: limit + 1,
    after,
    before: lower(after, bounds.before),
    from: bounds.from,
    terms: terms.length === 0 ? [ALL_MEDIA] : terms,
  }
}

/**
 * The page of these records, newest first, of which there may be one more than the limit.
 * @param spentAt where the search was given up, when it was: every id at or above was looked at.
 */
export function endPage(
  namespace: string,
  query: MediaQuery,
  { limit }: PagePlan,
  records: readonly MediaRecord[],
  spentAt: string | undefined,
): CatalogPage {
  const page = records.slice(0, limit)
  const lastId = records.length > limit ? page.at(-1)?.id : spentAt
  return lastId === undefined
    ? { records: page }
    : { records: page, nextCursor: encodeCursor(namespace, query, lastId) }
}

/** The page of a query that names a key: one record at most. */
export function keyPage(
  record: MediaRecord | undefined,
  query: MediaQuery,
  { after }: PagePlan,
): CatalogPage {
  if (record === undefined || !matchesQuery(record, query)) return { records: [] }
  return { records: after !== undefined && record.id >= after ? [] : [record] }
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
  const plan = planPage(namespace, query)
  if (query.key !== undefined) return keyPage(source.findKey(query.key), query, plan)

  const { wanted, before, from, terms } = plan
  const records: MediaRecord[] = []
  let waiting: string[] = []
  const look = (): void => {
    for (const record of source.load(waiting)) if (matchesQuery(record, query)) records.push(record)
    waiting = []
  }
  const end = zigzag({
    terms,
    read: source.read,
    before,
    from,
    maxWork: options.maxWork ?? MAX_PAGE_WORK,
    ...(terms.length === 1 ? { firstRead: wanted } : {}),
    onId(id) {
      waiting.push(id)
      if (records.length + waiting.length >= wanted) look()
      return records.length < wanted
    },
  })
  look()
  return endPage(namespace, query, plan, records, end.type === 'spent' ? end.lastId : undefined)
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-limit` */
export function pageLimit(query: Pick<MediaQuery, 'limit'>): number {
  const limit = query.limit ?? DEFAULT_PAGE_SIZE
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE) return limit
  throw new MediaError('MEDIA_BAD_INPUT', `limit must be a whole number from 1 to ${MAX_PAGE_SIZE}`, {
    reason: 'bad-limit',
  })
}

function lower(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return one < other ? one : other
}
