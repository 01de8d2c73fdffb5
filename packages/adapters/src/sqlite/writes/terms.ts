import type { Transaction } from '../database.ts'
import type { StoredId } from '../ids.ts'

// FAIL spares SQLite the copies of all pages it writes, kept to undo this one statement: whoever fails is undone whole.
const INSERT = `INSERT OR FAIL INTO terms(namespace, term, mediaId) SELECT ?, value, ? FROM json_each(?)`

/** All in one statement, of which there is one for any number of terms. They hold nothing that JSON cannot say. */
export function addTerms(tx: Transaction, namespace: string, id: StoredId, terms: readonly string[]): void {
  if (terms.length > 0) tx.sql(INSERT).run(namespace, id, JSON.stringify(terms))
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
