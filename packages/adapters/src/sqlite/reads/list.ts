import {
  ALL_MEDIA,
  type CatalogPage,
  linkTerm,
  type LinkTarget,
  type MediaQuery,
  type MediaRecord,
  hasLink,
  readPage,
} from '@mediakeep/core'
import type { Database } from '../database.ts'
import { readId, type StoredId, storeId } from '../ids.ts'
import { recordOf, recordRows, recordRowsById } from './record.ts'

interface Posting {
  readonly id: StoredId
}

/** What every id is below. */
const ABOVE_ALL = new Uint8Array(17).fill(0xff)

/** One page, of one state of the database: all statements run in one read transaction. */
export function listRecords(database: Database, namespace: string, query: MediaQuery): CatalogPage {
  return inSnapshot(database, () =>
    readPage(namespace, query, {
      read: (term, before, count) =>
        postings(database, namespace, term, before, count).map((row) => readId(row.id)),
      load: (ids) => ids.flatMap((id) => recordOf(recordRowsById(database, namespace, storeId(id))) ?? []),
      findKey: (key) => recordOf(recordRows(database, namespace, { key })),
    }),
  )
}

/** The newest media of each target. */
export function linkedRecords(
  database: Database,
  namespace: string,
  targets: readonly LinkTarget[],
  limitPerTarget: number,
): readonly (readonly MediaRecord[])[] {
  return inSnapshot(database, () =>
    targets.map((target) => {
      const found: MediaRecord[] = []
      let before: string | undefined
      const term = linkTerm(target)
      while (found.length < limitPerTarget) {
        const ids = postings(database, namespace, term, before, limitPerTarget)
        for (const { id } of ids) {
          const record = recordOf(recordRowsById(database, namespace, id))
          // Long links share a term now and then.
          if (record !== undefined && hasLink(record.links, target) && found.length < limitPerTarget)
            found.push(record)
        }
        const last = ids.at(-1)
        if (last === undefined || ids.length < limitPerTarget) break
        before = readId(last.id)
      }
      return found
    }),
  )
}

function postings(
  database: Database,
  namespace: string,
  term: string,
  before: string | undefined,
  count: number,
): readonly Posting[] {
  const bound = before === undefined ? ABOVE_ALL : boundOf(before)
  if (term === ALL_MEDIA)
    return database
      .sql<Posting>('SELECT id FROM media WHERE namespace = ? AND id < ? ORDER BY id DESC LIMIT ?')
      .all(namespace, bound, count)
  return database
    .sql<Posting>(
      'SELECT mediaId AS id FROM terms WHERE namespace = ? AND term = ? AND mediaId < ? ORDER BY mediaId DESC LIMIT ?',
    )
    .all(namespace, term, bound, count)
}

/**
 * The exclusive bound as bytes. Bounds are ids, the start of an id, or an id with something behind that sorts after it:
 * one more byte does the same for stored ids.
 */
function boundOf(before: string): Uint8Array {
  const hex = before.replaceAll('-', '')
  const digits = /^[0-9a-f]*/.exec(hex)?.[0] ?? ''
  return Buffer.from(digits.length < hex.length ? `${digits}ff` : digits, 'hex')
}

function inSnapshot<T>(database: Database, read: () => T): T {
  database.connection.exec('BEGIN')
  try {
    return read()
  } finally {
    database.connection.exec('COMMIT')
  }
}
