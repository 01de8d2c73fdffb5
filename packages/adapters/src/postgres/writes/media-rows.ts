import { MediaError, type MediaRecord, type MediaRef, type MediaState } from '@mediakeep/core'
import { type Answer, type Statement, sql } from '../connection/statement.ts'
import type { Transaction } from '../database.ts'
import { retryTransaction } from '../errors.ts'
import { type RecordRow, recordOf, selectRecord } from '../reads/record.ts'
import { UNREFERENCED } from '../reads/references.ts'

export interface ContentRow {
  readonly number: number
  readonly state: MediaState
  readonly blobId: string
  readonly sizeBytes: number
}

const byRef = (ref: MediaRef): string => (typeof ref === 'string' ? 'id' : 'key')
const valueOf = (ref: MediaRef): string => (typeof ref === 'string' ? ref : ref.key)

export type MediaStatements = readonly [
  Statement<string>,
  Statement<RecordRow>,
  Statement<ContentRow>,
  Statement<string>,
]
export type MediaAnswers = readonly [Answer<string>, Answer<RecordRow>, Answer<ContentRow>, Answer<string>]

/**
 * Locks a record and then reads it: its own row first, then the blobs of its contents, in order of their ids, and
 * those of the session too when the record is to get a content.
 */
export function lockMedia(
  namespace: string,
  ref: MediaRef,
  session: { readonly id: string } = { id: '' },
): MediaStatements {
  const media = `@media WHERE namespace = $1 AND ${byRef(ref)} = $2`
  const value = valueOf(ref)
  return [
    sql<string>(`SELECT to_json(id) FROM ${media} FOR UPDATE`, namespace, value),
    selectRecord(namespace, ref),
    sql<ContentRow>(
      `SELECT json_build_object('number', c.number, 'state', c.state, 'blobId', c.blob_id,
         'sizeBytes', (SELECT size_bytes FROM @blobs WHERE id = c.blob_id))
       FROM @contents c WHERE c.media_id = (SELECT id FROM ${media}) ORDER BY c.number DESC`,
      namespace,
      value,
    ),
    sql<string>(
      `SELECT to_json(id) FROM @blobs WHERE id = ANY(ARRAY(
         SELECT blob_id FROM @contents WHERE media_id = (SELECT id FROM ${media})
         UNION ALL SELECT blob_id FROM @pins WHERE session_id = $3)) ORDER BY id FOR UPDATE`,
      namespace,
      value,
      session.id,
    ),
  ]
}

export interface HeldMedia {
  readonly record: MediaRecord
  /** All that are kept, newest first. */
  readonly contents: readonly ContentRow[]
}

export function heldMedia([locked, record, contents]: MediaAnswers): HeldMedia | undefined {
  const [row] = record.rows
  // A key may have passed to another record between the lock and the look.
  if (row?.[0][0] !== locked.rows[0]) throw retryTransaction('the record changed its name meanwhile')
  return row === undefined ? undefined : { record: recordOf(row), contents: contents.rows }
}

/** @throws MediaError MEDIA_ABSENT */
export function presentMedia(ref: MediaRef, answers: MediaAnswers): HeldMedia {
  const held = heldMedia(answers)
  if (held !== undefined) return held
  throw new MediaError(
    'MEDIA_ABSENT',
    `postgres: there is no media ${typeof ref === 'string' ? ref : `with the key ${JSON.stringify(ref.key)}`}`,
    { reason: 'no-record' },
  )
}

/** What counts for the owner's quota: every content that is kept, also one that waits to serve. */
export function bytesOf(contents: readonly ContentRow[]): number {
  return contents.reduce((sum, content) => sum + content.sizeBytes, 0)
}

const LOOSEN = `UPDATE @blobs b SET state = 'loose' WHERE b.id = ANY($1::text[]) AND b.state = 'live' AND ${UNREFERENCED}`

/** Of contents that are gone: a blob without any reference becomes one that garbage collection looks at. */
export function loosen(contents: readonly ContentRow[]): Statement {
  return sql(
    LOOSEN,
    contents.map(({ blobId }) => blobId),
  )
}

/** Commits, and gives the record as it is then. */
export async function commitRecord(
  tx: Transaction,
  namespace: string,
  id: string,
  statements: readonly Statement<unknown>[],
): Promise<MediaRecord> {
  const [row] = await tx.commitAndRead(statements, selectRecord(namespace, id))
  if (row === undefined) throw new Error('a record that was written has no content')
  return recordOf(row)
}
