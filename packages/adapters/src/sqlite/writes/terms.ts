import type { Transaction } from '../database.ts'
import type { StoredId } from '../ids.ts'

const INSERTS: readonly string[] = Array.from(
  { length: 9 },
  (_, rows) =>
    `INSERT INTO terms(namespace, term, mediaId) VALUES ${Array(rows).fill('(?, ?, ?)').join(', ')}`,
)
/** Rows of one statement: fewer calls into SQLite, and few statements to keep prepared. */
const ROWS_AT_ONCE = 8

export function addTerms(tx: Transaction, namespace: string, id: StoredId, terms: readonly string[]): void {
  for (let at = 0; at < terms.length; at += ROWS_AT_ONCE) {
    const some = terms.slice(at, at + ROWS_AT_ONCE)
    tx.sql(INSERTS[some.length] ?? '').run(...some.flatMap((term) => [namespace, term, id]))
  }
}

export function removeTerms(
  tx: Transaction,
  namespace: string,
  id: StoredId,
  terms: readonly string[],
): void {
  const remove = tx.sql('DELETE FROM terms WHERE namespace = ? AND term = ? AND mediaId = ?')
  for (const term of terms) remove.run(namespace, term, id)
}

/** Writes only the difference. Postings of a record are those its terms say, so the old ones need not be read. */
export function replaceTerms(
  tx: Transaction,
  namespace: string,
  id: StoredId,
  before: readonly string[],
  after: readonly string[],
): void {
  const had = new Set(before)
  const has = new Set(after)
  removeTerms(
    tx,
    namespace,
    id,
    before.filter((term) => !has.has(term)),
  )
  addTerms(
    tx,
    namespace,
    id,
    after.filter((term) => !had.has(term)),
  )
}
