import {
  ALL_MEDIA,
  type CatalogPage,
  hasLink,
  type LinkTarget,
  linkTerm,
  type MediaQuery,
  type MediaRecord,
  readPage,
} from '@mediakeep/core'
import { type Database, versionOf } from '../database.ts'
import { idAsJson, readJsonId } from '../ids.ts'
import type { RecordMemo } from '../memo.ts'
import { type RecordLoader, rememberingLoader, textLoader } from './load.ts'
import type { RecordText } from './record.ts'
import { inSnapshot } from './snapshot.ts'

/** A page as it crosses a thread: the records as texts, so that they are not written out again. */
export interface PageText {
  readonly records: readonly RecordText[]
  readonly nextCursor?: string
}

/** Sorts after every id. */
const ABOVE_ALL = new Uint8Array(17).fill(0xff)

/** One page, of one state of the database: all statements run in one read transaction. */
export function listRecords(
  database: Database,
  namespace: string,
  query: MediaQuery,
  memo: RecordMemo,
): CatalogPage {
  return inSnapshot(database, () =>
    pageOf(database, namespace, query, rememberingLoader(database, namespace, memo, versionOf(database))),
  )
}

/** The same, to cross a thread. */
export function listTexts(database: Database, namespace: string, query: MediaQuery): PageText {
  const loader = textLoader(database, namespace)
  const page = inSnapshot(database, () => pageOf(database, namespace, query, loader))
  return { ...page, records: page.records.map(loader.textOf) }
}

function pageOf(
  database: Database,
  namespace: string,
  query: MediaQuery,
  { load, findKey }: RecordLoader,
): CatalogPage {
  return readPage(namespace, query, {
    read: (term, before, count) => postings(database, namespace, term, before, count),
    load,
    findKey,
  })
}

/** The newest media of each target, of one state of the database. */
export function linkedRecords(
  database: Database,
  namespace: string,
  targets: readonly LinkTarget[],
  limitPerTarget: number,
  memo: RecordMemo,
): readonly (readonly MediaRecord[])[] {
  return inSnapshot(database, () => {
    const loader = rememberingLoader(database, namespace, memo, versionOf(database))
    return targets.map((target) => linkedTo(database, namespace, target, limitPerTarget, loader))
  })
}

/** The same, to cross a thread. */
export function linkedTexts(
  database: Database,
  namespace: string,
  targets: readonly LinkTarget[],
  limitPerTarget: number,
): readonly (readonly RecordText[])[] {
  const loader = textLoader(database, namespace)
  const found = inSnapshot(database, () =>
    targets.map((target) => linkedTo(database, namespace, target, limitPerTarget, loader)),
  )
  return found.map((records) => records.map(loader.textOf))
}

function linkedTo(
  database: Database,
  namespace: string,
  target: LinkTarget,
  limit: number,
  loader: RecordLoader,
): readonly MediaRecord[] {
  const found: MediaRecord[] = []
  let before: string | undefined
  while (found.length < limit) {
    const ids = postings(database, namespace, linkTerm(target), before, limit)
    // Long links may share a term: the record decides.
    for (const record of loader.load(ids))
      if (found.length < limit && hasLink(record.links, target)) found.push(record)
    before = ids.at(-1)
    if (before === undefined || ids.length < limit) break
  }
  return found
}

const ALL_IDS = `SELECT json_group_array(${idAsJson('id')}) AS json FROM
  (SELECT id FROM media WHERE namespace = ? AND id < ? ORDER BY id DESC LIMIT ?)`
const TERM_IDS = `SELECT json_group_array(${idAsJson('id')}) AS json FROM
  (SELECT mediaId AS id FROM terms WHERE namespace = ? AND term = ? AND mediaId < ? ORDER BY mediaId DESC LIMIT ?)`

function postings(
  database: Database,
  namespace: string,
  term: string,
  before: string | undefined,
  count: number,
): readonly string[] {
  const bound = before === undefined ? ABOVE_ALL : boundOf(before)
  const ids =
    term === ALL_MEDIA
      ? database.json<readonly string[]>(ALL_IDS).get(namespace, bound, count)
      : database.json<readonly string[]>(TERM_IDS).get(namespace, term, bound, count)
  return (ids ?? []).map(readJsonId)
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
