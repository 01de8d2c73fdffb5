import { type Catalog, isMediaError, type MediaQuery, type MediaRecord, matchesQuery } from '@mediakeep/core'
import { listAll } from '../expect.ts'
import { type CatalogMutant, mutant, withMembers, without } from './mutant.ts'

type FilterName = 'owner' | 'type' | 'state' | 'tag' | 'link' | 'key' | 'q' | 'createdAfter' | 'createdBefore'
/** Each filter, and what convicts a list that ignores it. */
const FILTERS: Readonly<Record<FilterName, readonly string[]>> = {
  owner: ['list.filter.owner'],
  type: ['list.filter.type'],
  state: ['list.filter.state'],
  tag: ['list.filter.tag'],
  link: ['list.filter.combined', 'list.filter.link'],
  key: ['list.filter.key'],
  q: ['search.whole-words'],
  createdAfter: ['list.filter.time'],
  createdBefore: ['list.filter.late'],
}
const FILTER_NAMES: readonly FilterName[] = [
  'owner',
  'type',
  'state',
  'tag',
  'link',
  'key',
  'q',
  'createdAfter',
  'createdBefore',
]

const ignored = (name: FilterName): CatalogMutant =>
  mutant(`list.ignores-${name}`, `list() ignores ${name}`, FILTERS[name], (inner) =>
    withMembers(inner, { list: (namespace, query) => inner.list(namespace, without(query, name)) }),
  )

/** Lists by a filter of its own over all records: one page, no cursor. */
const listing = (inner: Catalog, keep: (record: MediaRecord, query: MediaQuery) => boolean): Catalog =>
  withMembers(inner, {
    async list(namespace, query) {
      if (query.q === undefined && query.createdAfter === undefined) return inner.list(namespace, query)
      return { records: (await listAll(inner, namespace)).filter((record) => keep(record, query)) }
    },
  })

/** Faults of lists and search. */
export const listMutants: readonly CatalogMutant[] = [
  ...FILTER_NAMES.map(ignored),
  mutant('list.nothing', 'list() finds nothing', ['delete.key-free'], (inner) =>
    withMembers(inner, { list: async () => ({ records: [] }) }),
  ),
  mutant('list.oldest-first', 'list() gives a page in the wrong order', ['list.newest-first'], (inner) =>
    withMembers(inner, {
      async list(namespace, query) {
        const page = await inner.list(namespace, query)
        return { ...page, records: [...page.records].reverse() }
      },
    }),
  ),
  mutant('list.everywhere', 'list() shows another namespace too', ['namespaces.keys'], (inner) =>
    withMembers(inner, {
      async list(namespace, query) {
        const page = await inner.list(namespace, query)
        if (namespace === 'beta' || query.cursor !== undefined) return page
        const other = await inner.list('beta', query)
        return { ...page, records: [...page.records, ...other.records] }
      },
    }),
  ),
  mutant('list.thin', 'list() shows records without their links', ['list.whole-records'], (inner) =>
    withMembers(inner, {
      async list(namespace, query) {
        const page = await inner.list(namespace, query)
        return { ...page, records: page.records.map((record) => ({ ...record, links: [] })) }
      },
    }),
  ),
  mutant('list.large-pages', 'pages hold 100 records whatever was asked for', ['list.limit'], (inner) =>
    withMembers(inner, { list: (namespace, query) => inner.list(namespace, { ...query, limit: 100 }) }),
  ),
  mutant('list.clamps', 'a bad limit is taken for a good one', ['list.bad-limit'], (inner) =>
    withMembers(inner, {
      list(namespace, query) {
        const limit = Math.min(100, Math.max(1, Math.floor(query.limit ?? 50) || 1))
        return inner.list(namespace, { ...query, limit })
      },
    }),
  ),
  mutant('list.one-page', 'there is never a second page', ['linked.many'], (inner) =>
    withMembers(inner, {
      list: async (namespace, query) => without(await inner.list(namespace, query), 'nextCursor'),
    }),
  ),
  mutant(
    'list.overlaps',
    'a page starts with the last record of the page before',
    ['list.stable'],
    (inner) => {
      const last = new Map<string, MediaRecord>()
      return withMembers(inner, {
        async list(namespace, query) {
          const page = await inner.list(namespace, query)
          const before = query.cursor === undefined ? undefined : last.get(query.cursor)
          const end = page.records.at(-1)
          if (page.nextCursor !== undefined && end !== undefined) last.set(page.nextCursor, end)
          return before === undefined
            ? page
            : { ...page, records: [before, ...page.records].slice(0, query.limit ?? 50) }
        },
      })
    },
  ),
  mutant('list.offsets', 'the cursor counts records', ['cursor.garbage'], (inner) =>
    withMembers(inner, {
      async list(namespace, query) {
        await inner.list(namespace, without(query, 'cursor'))
        const at = Number(query.cursor ?? 0)
        if (query.cursor !== undefined && !/^\d{1,9}$/.test(query.cursor)) return inner.list(namespace, query)
        const limit = query.limit ?? 50
        const all = await listAll(inner, namespace, without(without(query, 'cursor'), 'limit'))
        const records = all.slice(at, at + limit)
        return at + limit < all.length ? { records, nextCursor: `${at + limit}` } : { records }
      },
    }),
  ),
  mutant(
    'list.endless',
    'a full page always has a cursor',
    ['list.last-page', 'list.pages', 'list.stable'],
    (inner) =>
      withMembers(inner, {
        async list(namespace, query) {
          const page = await inner.list(namespace, query)
          if (page.records.length < (query.limit ?? 50) || page.nextCursor !== undefined) return page
          return { ...page, nextCursor: 'bW9yZQ' }
        },
      }),
  ),
  mutant(
    'cursor.anything',
    'a cursor that cannot be used starts from the first page',
    ['cursor.garbage', 'cursor.other-query'],
    (inner) =>
      withMembers(inner, {
        async list(namespace, query) {
          try {
            return await inner.list(namespace, query)
          } catch (error) {
            if (!isMediaError(error) || error.reason !== 'bad-cursor') throw error
            return inner.list(namespace, without(query, 'cursor'))
          }
        },
      }),
  ),
  mutant(
    'cursor.bound-to-limit',
    'a cursor counts for pages of one size',
    ['list.limit-changes'],
    (inner) => {
      const limits = new Map<string, number | undefined>()
      return withMembers(inner, {
        async list(namespace, query) {
          if (query.cursor !== undefined && limits.get(query.cursor) !== query.limit)
            throw new Error('another limit')
          const page = await inner.list(namespace, query)
          if (page.nextCursor !== undefined) limits.set(page.nextCursor, query.limit)
          return page
        },
      })
    },
  ),
  mutant('list.gives-up', 'filters that hardly meet end early', ['list.filter.sparse'], (inner) =>
    withMembers(inner, {
      async list(namespace, query) {
        const page = await inner.list(namespace, query)
        const [first, last] = [page.records[0], page.records.at(-1)]
        if (first === undefined || last === undefined || query.owner === undefined) return page
        const all = await listAll(inner, namespace)
        const cut = all[500]
        return cut === undefined ? page : { records: page.records.filter(({ id }) => id > cut.id) }
      },
    }),
  ),
  mutant('search.any-word', 'one word of several is enough', ['list.filter.q'], (inner) =>
    listing(inner, (record, query) =>
      (query.q ?? '').split(/\W+/).some((word) => matchesQuery(record, { ...query, q: word })),
    ),
  ),
  mutant('search.prefix', 'words match by how they start', ['search.whole-words'], (inner) =>
    listing(inner, (record, query) => {
      if (matchesQuery(record, query)) return true
      const q = (query.q ?? '').toLowerCase()
      return (
        q !== '' &&
        record.content.filename
          .toLowerCase()
          .split(/[^a-z0-9]+/)
          .some((word) => word.startsWith(q))
      )
    }),
  ),
  mutant(
    'search.bytes',
    'words match in one form and case only',
    ['search.all-words', 'search.unicode'],
    (inner) =>
      listing(inner, (record, query) => {
        const text = JSON.stringify([
          record.content.filename,
          record.key,
          record.tags,
          record.metadata['title'],
        ])
        return (
          matchesQuery(record, query) &&
          (query.q ?? '').split(/[^\p{L}\p{N}\p{M}]+/u).every((word) => text.includes(word))
        )
      }),
  ),
  mutant(
    'search.all-metadata',
    'words are found in metadata that is not listed',
    ['search.fields'],
    (inner) =>
      listing(inner, (record, query) => {
        return (
          matchesQuery(record, query) ||
          (query.q !== '' && JSON.stringify(record.metadata).includes(query.q ?? ' '))
        )
      }),
  ),
  mutant('search.empty-nothing', 'a text without words finds nothing', ['search.no-words'], (inner) =>
    listing(inner, (record, query) => /[\p{L}\p{N}]/u.test(query.q ?? '') && matchesQuery(record, query)),
  ),
  mutant(
    'search.syntax',
    'a star asks for the start of words, OR for one of several',
    ['search.literal'],
    (inner) =>
      listing(inner, (record, query) => {
        const q = (query.q ?? '').replace(/\bAND\b/, ' ')
        return q.split(/\bOR\b/).some((part) => matchesQuery(record, { ...query, q: part }))
      }),
  ),
  mutant('search.short', 'long words are not found', ['search.long'], (inner) =>
    listing(inner, (record, query) => (query.q ?? '').length < 100 && matchesQuery(record, query)),
  ),
]
