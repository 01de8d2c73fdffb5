import type { CommitCopy, StageCopy, StagedCopy } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { blobOf, selectCopies } from '../reads/copies.ts'
import { WANTED } from '../reads/references.ts'
import { begin, lockBegin } from './begin.ts'
import { dropSession, LOCK_PINNED } from './drop-session.ts'
import { heldSession, lockSession } from './session-rows.ts'
import { notStaged } from './settle.ts'
import { addStaged } from './stage.ts'
import { changeTotals, volumeSubject } from './totals.ts'
import { lockEnd } from './uploads.ts'

const MARK = `UPDATE @placements SET verified_at = $1, state = 'live' WHERE id = ANY($2::text[]) AND state IN ('live', 'bad')`

/** Lost with the server, a copy is read once more. */
export function markVerified(database: Database, ids: readonly string[]): Promise<void> {
  return database.transact(
    'mark copies as verified',
    async (tx) => {
      await tx.run()
      await tx.commit(sql(MARK, tx.nowMs, ids))
    },
    { durable: false },
  )
}

const LOCK_BLOB = 'SELECT to_json(id) FROM @blobs WHERE id = $1 FOR UPDATE'
const REVIVE = "UPDATE @blobs SET state = 'live', condemned_at = NULL WHERE id = $1 AND state <> 'live'"

interface Copier {
  readonly sessionId: string
  readonly leaseEnd: number
}

/** The session that makes a copy of the blob there, and whose lease lasts longest, also where it is over. */
const COPIER = `SELECT json_build_object('sessionId', s.id, 'leaseEnd', least(s.locked_until, s.expires_at))
  FROM @pins n JOIN @placements p ON p.id = n.placement_id JOIN @sessions s ON s.id = n.session_id
  WHERE n.blob_id = $1 AND p.state = 'staged' AND p.volume_id = $2 AND s.locked_until IS NOT NULL
  ORDER BY least(s.locked_until, s.expires_at) DESC LIMIT 1`
const LOCK_SESSION = 'UPDATE @sessions SET locked_until = $2 WHERE id = $1'

/** Transaction A of a further copy. */
export function stageCopy(database: Database, input: StageCopy): Promise<StagedCopy> {
  const { blobId, volumeId } = input
  return database.transact(
    'stage a copy',
    async (tx) => {
      const [key, holder, outcome, gates, locked, used, , blobs, wanted, copiers] = await tx.run(
        ...lockBegin(input.session),
        sql<string>(LOCK_BLOB, blobId),
        selectCopies(blobId),
        sql<boolean>(`SELECT to_json(${WANTED}) FROM @blobs b WHERE b.id = $1`, blobId),
        sql<Copier>(COPIER, blobId, volumeId),
      )
      const [row] = blobs.rows
      if (row === undefined || wanted.rows[0] !== true) return { type: 'unwanted' }
      const blob = blobOf(row)
      if (blob.placements.some((copy) => copy.state === 'live' && copy.volumeId === volumeId))
        return { type: 'present' }
      const [other] = copiers.rows
      if (other !== undefined && other.leaseEnd > tx.nowMs)
        return { type: 'under-way', sessionId: other.sessionId, leaseLeftMs: other.leaseEnd - tx.nowMs }
      const begun = await begin(tx, input.session, [key, holder, outcome, gates, locked, used])
      if (begun.type === 'repeated') throw new Error('a session without idempotency key repeats no outcome')
      await tx.commit(
        ...begun.statements,
        sql(REVIVE, blobId),
        ...addStaged(begun.session, blobId, { ...input, sizeBytes: blob.sizeBytes }),
        sql(LOCK_SESSION, begun.session.id, lockEnd(tx.nowMs, input.leaseMs)),
      )
      return { type: 'staged', session: begun.session, blob }
    },
    { durable: false },
  )
}

interface StagedCopyRow {
  readonly volumeId: string
  /** Whether a live copy is on the same volume by now. */
  readonly isThere: boolean
}

const OWN = `SELECT json_build_object('volumeId', p.volume_id, 'isThere', EXISTS (SELECT 1 FROM @placements o
    WHERE o.blob_id = p.blob_id AND o.volume_id = p.volume_id AND o.state = 'live'))
  FROM @placements p WHERE p.id = $2 AND p.state = 'staged'
    AND EXISTS (SELECT 1 FROM @pins n WHERE n.session_id = $1 AND n.placement_id = p.id)`
const SETTLE = `UPDATE @placements SET state = $2, left_at = $3::bigint, verified_at = $4::bigint, stored_bytes = $5,
  etag = $6 WHERE id = $1`

/** Transaction B of a further copy. */
export function commitCopy(
  database: Database,
  { session, placement }: CommitCopy,
): Promise<{ readonly redundant: boolean }> {
  return database.transact('commit a copy', async (tx) => {
    const [held, , own] = await tx.run(
      lockSession(session.id),
      sql<string>(LOCK_PINNED, session.id),
      sql<StagedCopyRow>(OWN, session.id, placement.id),
    )
    heldSession(session, held)
    const [row] = own.rows
    if (row === undefined) throw notStaged(`placement ${placement.id}`)
    const { volumeId, isThere: redundant } = row
    const { id, storedBytes, etag = null } = placement
    await tx.commit(
      redundant
        ? sql(SETTLE, id, 'leaving', tx.nowMs, null, storedBytes, etag)
        : sql(SETTLE, id, 'live', null, tx.nowMs, storedBytes, etag),
      changeTotals([{ subject: volumeSubject(volumeId), items: 1, bytes: storedBytes }]),
      ...dropSession(session.id, tx.nowMs),
    )
    return { redundant }
  })
}
