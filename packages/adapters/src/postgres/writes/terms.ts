import { type Statement, sql } from '../connection/statement.ts'

const ADD = `INSERT INTO @terms(namespace, term, media_id) SELECT $1, term, $2 FROM unnest($3::text[]) AS t(term)
  ON CONFLICT DO NOTHING`
const REMOVE = 'DELETE FROM @terms WHERE namespace = $1 AND media_id = $2 AND term = ANY($3::text[])'

/** Writes only the difference. Postings of a record are those its terms say, so the old ones need not be read. */
export function replaceTerms(
  namespace: string,
  id: string,
  before: readonly string[],
  after: readonly string[],
): readonly Statement[] {
  const had = new Set(before)
  const has = new Set(after)
  const removed = before.filter((term) => !has.has(term))
  const added = after.filter((term) => !had.has(term))
  return [
    ...(removed.length === 0 ? [] : [sql(REMOVE, namespace, id, removed)]),
    // Sorted, because all writers then take the leaves of the index in one order.
    ...(added.length === 0 ? [] : [sql(ADD, namespace, id, added.toSorted())]),
  ]
}
