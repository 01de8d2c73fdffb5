import { encodeWalkCursor, type RecheckedBlobs, type WalkOptions } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { UNREFERENCED } from '../reads/references.ts'
import { walkFrom } from '../reads/walk.ts'
import { lockBlobs } from './garbage.ts'

/** One page of blobs: how many were looked at, the last one, and those whose mark does not say what is. */
interface RecheckPage {
  readonly checked: number
  readonly lastId: string | null
  readonly suspects: readonly string[]
}

const PAGE = `SELECT json_build_object('checked', count(*), 'lastId', max(l.id),
    'suspects', coalesce(json_agg(l.id) FILTER (WHERE (l.state = 'live') = l.is_free), '[]'))
  FROM (SELECT b.id, b.state, ${UNREFERENCED} AS is_free FROM @blobs b WHERE b.id > $1 ORDER BY b.id LIMIT $2) l`
const LOOSEN = `UPDATE @blobs b SET state = 'loose'
  WHERE b.id = ANY($1::text[]) AND b.state = 'live' AND ${UNREFERENCED}`
const REVIVE = `UPDATE @blobs b SET state = 'live', condemned_at = NULL
  WHERE b.id = ANY($1::text[]) AND b.state <> 'live' AND NOT ${UNREFERENCED}`

/** Looking locks nothing; the few that are suspect are judged again under their locks. */
export async function recheckBlobs(
  database: Database,
  { cursor, limit }: WalkOptions,
): Promise<RecheckedBlobs> {
  const [after = ''] = walkFrom('blobs', 1, cursor)
  const [page] = await database.ask('recheck blobs', sql<RecheckPage>(PAGE, after, limit))
  if (page === undefined) throw new Error('a query of one row gave none')
  const { checked, lastId, suspects } = page
  const found = suspects.length === 0 ? 0 : await judge(database, suspects)
  return {
    checked,
    found,
    ...(lastId === null || checked < limit ? {} : { cursor: encodeWalkCursor('blobs', lastId) }),
  }
}

function judge(database: Database, suspects: readonly string[]): Promise<number> {
  return database.transact(
    'recheck blobs',
    async (tx) => {
      const [, loosened] = await tx.commit(lockBlobs(suspects), sql(LOOSEN, suspects), sql(REVIVE, suspects))
      return loosened.count
    },
    { durable: false },
  )
}
