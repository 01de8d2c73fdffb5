import {
  ALL_MEDIA,
  type CatalogPage,
  endPage,
  hasLink,
  keyPage,
  type LinkTarget,
  linkTerm,
  MAX_PAGE_WORK,
  type MediaQuery,
  type MediaRecord,
  matchesQuery,
  planPage,
} from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { RECORD_AS_JSON, type RecordRow, recordOf, selectRecord, WITH_CONTENT } from './record.ts'

/** Sorts after every id. */
const ABOVE_ALL = '~'
/** Most records that one statement gives: later ones read more, because filters refuse most of what they find. */
const MAX_READ = 512
/** Steps of a walk through several lists in one statement: at most some ten milliseconds. */
const MAX_STEPS = 1_024

/** Records that all lists share, and the id down to which they were looked for when that was not to the end. */
interface Found {
  readonly records: readonly RecordRow[]
  readonly spentAt: string | null
}

/** One page: one statement as a rule, further ones where filters that have no postings refuse what was found. */
export async function listRecords(
  database: Database,
  namespace: string,
  query: MediaQuery,
): Promise<CatalogPage> {
  const plan = planPage(namespace, query)
  if (query.key !== undefined) {
    const [row] = await database.ask('list', selectRecord(namespace, { key: query.key }))
    return keyPage(row === undefined ? undefined : recordOf(row), query, plan)
  }
  const { wanted, terms, from = '' } = plan
  let count = wanted
  const records: MediaRecord[] = []
  let { before = ABOVE_ALL } = plan
  let work = MAX_PAGE_WORK
  for (;;) {
    const [found] = await database.ask('list', findRecords(namespace, terms, before, from, count))
    if (found === undefined) throw new Error('a query of one row gave none')
    for (const row of found.records) {
      const record = recordOf(row)
      if (matchesQuery(record, query)) records.push(record)
    }
    const isLast = found.records.length < count && found.spentAt === null
    if (records.length >= wanted || isLast) return endPage(namespace, query, plan, records, undefined)
    before = found.spentAt ?? found.records.at(-1)?.[0][0] ?? ABOVE_ALL
    work -= found.spentAt === null ? count : MAX_STEPS
    if (work <= 0) return endPage(namespace, query, plan, records, before)
    count = Math.min(count * 4, MAX_READ)
  }
}

function findRecords(
  namespace: string,
  terms: readonly string[],
  before: string,
  from: string,
  wanted: number,
): Statement<Found> {
  const [term] = terms
  if (terms.length > 1) return sql<Found>(OF_TERMS, namespace, terms, before, from, wanted, terms.length)
  if (term === undefined || term === ALL_MEDIA) return sql<Found>(ofAll(wanted), namespace, before, from)
  return sql<Found>(ofTerm(wanted), namespace, before, from, term)
}

const recordsOf = (ids: string): string => `(SELECT coalesce(json_agg(r.record), '[]') FROM (
    SELECT ${RECORD_AS_JSON} AS record FROM ${ids}
    CROSS JOIN LATERAL (SELECT * FROM @media WHERE namespace = $1 AND id = found.id LIMIT 1) m ${WITH_CONTENT}
    ORDER BY found.id DESC) r)`

// The limit stands in the text: a plan that is kept must know that it is small.
const ofAll = (wanted: number): string => `WITH found AS MATERIALIZED (SELECT id FROM @media
    WHERE namespace = $1 AND id < $2 AND id >= $3 ORDER BY id DESC LIMIT ${wanted})
  SELECT json_build_object('records', ${recordsOf('found')}, 'spentAt', NULL)`

const ofTerm = (wanted: number): string => `WITH found AS MATERIALIZED (SELECT media_id AS id FROM @terms
    WHERE namespace = $1 AND term = $4 AND media_id < $2 AND media_id >= $3
    ORDER BY media_id DESC LIMIT ${wanted})
  SELECT json_build_object('records', ${recordsOf('found')}, 'spentAt', NULL)`

/**
 * Intersection of posting lists without reading any of them whole. Each list shows its next id below the bound; when all
 * show the same, it is found. Else the lowest of them is the only one that all can still share, and the others skip down
 * to it. The work follows the shortest list, and is bounded for lists that are long and hardly ever meet.
 * `bound` is exclusive: what is appended to the lowest id lets it be looked at again. Every id from `seen` on was looked at.
 */
const OF_TERMS = `WITH RECURSIVE walk(step, bound, seen, id, found) AS (
    SELECT 0, $3::text COLLATE "C", NULL::text COLLATE "C", NULL::text COLLATE "C", 0::bigint
    UNION ALL
    SELECT w.step + 1, CASE WHEN n.low = n.high THEN n.low ELSE n.low || '${ABOVE_ALL}' END COLLATE "C",
      n.high, CASE WHEN n.low = n.high THEN n.low END, w.found + (n.low = n.high)::int
    FROM walk w CROSS JOIN LATERAL (
      SELECT count(h.id) AS shown, min(h.id) AS low, max(h.id) AS high
      FROM unnest($2::text[]) AS q(term) CROSS JOIN LATERAL (
        SELECT t.media_id AS id FROM @terms t
        WHERE t.namespace = $1 AND t.term = q.term COLLATE "C" AND t.media_id < w.bound
        ORDER BY t.media_id DESC LIMIT 1) h) n
    WHERE w.step < ${MAX_STEPS} AND w.found < $5 AND n.shown = $6 AND n.low >= $4),
  found AS MATERIALIZED (SELECT id FROM walk WHERE id IS NOT NULL)
  SELECT json_build_object('records', ${recordsOf('found')},
    'spentAt', (SELECT seen FROM walk WHERE step = ${MAX_STEPS}))`

const LINKED = `SELECT coalesce(json_agg(r.record), '[]') FROM unnest($2::text[]) WITH ORDINALITY AS q(term, at)
  LEFT JOIN LATERAL (SELECT json_agg(l.record) AS record FROM (
    SELECT ${RECORD_AS_JSON} AS record FROM (
      SELECT t.media_id FROM @terms t WHERE t.namespace = $1 AND t.term = q.term COLLATE "C"
      ORDER BY t.media_id DESC LIMIT $3) f
    CROSS JOIN LATERAL (SELECT * FROM @media WHERE namespace = $1 AND id = f.media_id LIMIT 1) m ${WITH_CONTENT}
    ORDER BY f.media_id DESC) l) r ON true`

/** The newest media of each target, in one statement. */
export async function linkedRecords(
  database: Database,
  namespace: string,
  targets: readonly LinkTarget[],
  limitPerTarget: number,
): Promise<readonly (readonly MediaRecord[])[]> {
  const [lists] = await database.ask(
    'list',
    sql<readonly (readonly RecordRow[] | null)[]>(LINKED, namespace, targets.map(linkTerm), limitPerTarget),
  )
  return targets.map((target, at) =>
    // A long link may share its term: the record decides.
    (lists?.[at] ?? []).map(recordOf).filter(({ links }) => hasLink(links, target)),
  )
}
