import {
  type BlobVerdict,
  type Catalog,
  isOlderVerdict,
  type MediaRecord,
  type MediaState,
  termsOf,
  verdictOfText,
} from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { RECORD_AS_JSON, type RecordRow, recordOf, WITH_CONTENT } from '../reads/record.ts'
import { bytesOf, type ContentRow, loosen } from './media-rows.ts'
import { replaceTerms } from './terms.ts'
import { changeTotals, ownerSubject } from './totals.ts'
import { writeVerdict } from './verdict-rows.ts'

type Settling = Parameters<Catalog['settleVerdict']>[2]
type Settled = Awaited<ReturnType<Catalog['settleVerdict']>>

/** A content with what terms are made of. */
interface SettledContent extends ContentRow {
  readonly mediaId: string
  readonly contentType: string
  readonly filename: string
}

const NEXT = `SELECT to_json(media_id) FROM @contents WHERE blob_id = $1 AND state = ANY($2::text[])
  ORDER BY media_id, number LIMIT $3`
const LOCK_MEDIA = 'SELECT to_json(id) FROM @media WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE'
const LOCK_BLOBS = `SELECT json_build_array(id, verdict) FROM @blobs WHERE id = ANY(ARRAY(
    SELECT blob_id FROM @contents WHERE media_id = ANY($1::text[]) UNION ALL SELECT $2::text)) ORDER BY id FOR UPDATE`
const RECORDS = `SELECT ${RECORD_AS_JSON} FROM unnest($1::text[]) AS w(id)
  CROSS JOIN LATERAL (SELECT * FROM @media WHERE id = w.id COLLATE "C" LIMIT 1) m ${WITH_CONTENT} ORDER BY m.id`
const CONTENTS = `SELECT json_build_object('mediaId', c.media_id, 'number', c.number, 'state', c.state,
    'blobId', c.blob_id, 'contentType', c.content_type, 'filename', c.filename,
    'sizeBytes', (SELECT size_bytes FROM @blobs WHERE id = c.blob_id))
  FROM @contents c WHERE c.media_id = ANY($1::text[]) ORDER BY c.media_id, c.number DESC`

/**
 * Media first, then blobs, each in order of the ids, as all who change a record lock them. What is found before the locks
 * only says which: a commit that came between is waited for, and one that comes later sees the verdict.
 */
export function settleVerdict(
  database: Database,
  blobId: string,
  verdict: BlobVerdict,
  { from, to, limit }: Settling,
): Promise<Settled> {
  const states = from.filter((state) => state !== to)
  return database.transact('settle a verdict', async (tx) => {
    const [next] = await tx.run(sql<string>(NEXT, blobId, states, limit))
    const ids = [...new Set(next.rows)]
    const [, locked, records, contents, left] = await tx.run(
      sql<string>(LOCK_MEDIA, ids),
      sql<readonly [id: string, verdict: string | null]>(LOCK_BLOBS, ids, blobId),
      sql<RecordRow>(RECORDS, ids),
      sql<SettledContent>(CONTENTS, ids),
      sql<string>(NEXT, blobId, states, limit + 1),
    )
    const blob = locked.rows.find(([id]) => id === blobId)
    if (blob === undefined) return { records: [], more: false }
    const known = blob[1] === null ? undefined : verdictOfText(blob[1])
    if (known !== undefined && isOlderVerdict(verdict, known))
      return { records: [], more: false, stands: known }
    const moved = contents.rows
      .filter((content) => content.blobId === blobId && states.includes(content.state))
      .toSorted(inOrder)
      .slice(0, limit)
    const changes = changesOf(records.rows.map(recordOf), contents.rows, new Set(moved), to)
    const changed = changes.map(({ record }) => record.id)
    const settled = await tx.commitAndRead(
      [
        writeVerdict(blobId, verdict),
        ...changes.flatMap((change) => changeMedia(change, to, tx.nowMs)),
        ...payBack(changes),
      ],
      sql<RecordRow>(RECORDS, changed),
    )
    const more = left.rows.length > moved.length
    return { records: settled.map(recordOf), more, stands: verdict }
  })
}

function inOrder(one: SettledContent, other: SettledContent): number {
  if (one.mediaId !== other.mediaId) return one.mediaId < other.mediaId ? -1 : 1
  return one.number - other.number
}

interface MediaSettling {
  readonly record: MediaRecord
  /** Numbers of its contents that change their state. */
  readonly moved: readonly number[]
  readonly serves: SettledContent
  readonly superseded: readonly SettledContent[]
}

function changesOf(
  records: readonly MediaRecord[],
  contents: readonly SettledContent[],
  moved: ReadonlySet<SettledContent>,
  to: MediaState,
): readonly MediaSettling[] {
  return records.flatMap((record) => {
    const own = contents.filter(({ mediaId }) => mediaId === record.id)
    const numbers = own.filter((content) => moved.has(content)).map(({ number }) => number)
    if (numbers.length === 0) return []
    // Newest first.
    const after = own.map((content) => (moved.has(content) ? { ...content, state: to } : content))
    const serves = after.find(({ state }) => state === 'active') ?? after[0]
    if (serves === undefined) return []
    const superseded = after.filter(({ number }) => number < serves.number)
    return [{ record, moved: numbers, serves, superseded }]
  })
}

const MOVE = 'UPDATE @contents SET state = $3 WHERE media_id = $1 AND number = ANY($2::bigint[])'
const DROP = 'DELETE FROM @contents WHERE media_id = $1 AND number < $2'
const CHANGE = `UPDATE @media SET revision = revision + 1, content_number = $3, updated_at = $4
  WHERE namespace = $1 AND id = $2`

function changeMedia(
  { record, moved, serves, superseded }: MediaSettling,
  to: MediaState,
  nowMs: number,
): readonly Statement[] {
  const { namespace, id } = record
  return [
    sql(MOVE, id, moved, to),
    ...(superseded.length === 0 ? [] : [sql(DROP, id, serves.number), loosen(superseded)]),
    sql(CHANGE, namespace, id, serves.number, nowMs),
    ...replaceTerms(namespace, id, termsOf(record), termsOf({ ...record, content: serves })),
  ]
}

/** What went counts for nobody's quota any more. */
function payBack(changes: readonly MediaSettling[]): readonly Statement[] {
  const gone = changes.filter(({ superseded }) => superseded.length > 0)
  if (gone.length === 0) return []
  return [
    changeTotals(
      gone.map(({ record, superseded }) => ({
        subject: ownerSubject(record.namespace, record.owner),
        items: 0,
        bytes: -bytesOf(superseded),
      })),
    ),
  ]
}
