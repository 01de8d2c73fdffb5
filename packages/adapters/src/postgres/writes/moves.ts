import { type Catalog, MediaError, type MoveOutcome, type MoveRecord, type NewMove } from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { MOVE_AS_JSON, type MoveRow, moveOf } from '../reads/moves.ts'
import { WANTED } from '../reads/references.ts'

const PLAN = `INSERT INTO @moves(id, blob_id, to_volume_id, drop_placement_id, cause, rank, fence, attempts, not_before)
  SELECT n.id, n.blob_id, n.to_volume_id, nullif(n.drop_placement_id, ''), n.cause, n.rank, 0, 0, $7::bigint
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::float8[]) WITH ORDINALITY
    AS n(id, blob_id, to_volume_id, drop_placement_id, cause, rank, at)
  WHERE (SELECT 1 FROM @blobs b WHERE b.id = n.blob_id COLLATE "C" LIMIT 1) IS NOT NULL
  ORDER BY n.at ON CONFLICT DO NOTHING RETURNING to_json(id)`

/** @returns ids of those planned now */
export function planMoves(database: Database, moves: readonly NewMove[]): Promise<readonly string[]> {
  return database.transact('plan moves', async (tx) => {
    await tx.run()
    const [{ rows }] = await tx.commit(
      sql<string>(
        PLAN,
        moves.map(({ id }) => id),
        moves.map(({ blobId }) => blobId),
        moves.map(({ toVolumeId }) => toVolumeId),
        moves.map(({ dropPlacementId = '' }) => dropPlacementId),
        moves.map(({ cause }) => cause),
        moves.map(({ rank }) => rank),
        tx.nowMs,
      ),
    )
    return rows
  })
}

// Who waits for another's claim sees that the move is not due any more, and gets the next ones.
const DUE = `SELECT ${MOVE_AS_JSON} FROM @moves m
  LEFT JOIN LATERAL (SELECT * FROM @blobs WHERE id = m.blob_id LIMIT 1) b ON TRUE
  WHERE m.to_volume_id = ANY($1::text[]) AND m.not_before <= $2 AND (NOT ${WANTED}
    OR (SELECT 1 FROM @placements p WHERE p.blob_id = m.blob_id AND p.state = 'live'
      AND p.volume_id = ANY($1::text[]) LIMIT 1) IS NOT NULL)
  ORDER BY m.rank, m.seq LIMIT $3 FOR UPDATE OF m`
const CLAIM = 'UPDATE @moves SET fence = fence + 1, not_before = $2 WHERE seq = ANY($1::bigint[])'
const DROP = 'DELETE FROM @moves WHERE seq = ANY($1::bigint[])'

export function claimMoves(
  database: Database,
  { volumeIds, limit, leaseMs }: Parameters<Catalog['claimMoves']>[0],
): Promise<readonly MoveRecord[]> {
  return database.transact(
    'claim moves',
    async (tx) => {
      await tx.run()
      const { nowMs } = tx
      const notBefore = new Date(nowMs + leaseMs)
      const claimed: MoveRecord[] = []
      for (;;) {
        const wanted = limit - claimed.length
        const [{ rows }] = await tx.run(sql<MoveRow>(DUE, volumeIds, nowMs, wanted))
        const kept = rows.filter(({ isWanted }) => isWanted)
        const gone = rows.filter(({ isWanted }) => !isWanted)
        const seqOf = ({ seq }: MoveRow): number => seq
        await tx.run(sql(CLAIM, kept.map(seqOf), notBefore.getTime()), sql(DROP, gone.map(seqOf)))
        claimed.push(...kept.map(moveOf).map((move) => ({ ...move, fence: move.fence + 1, notBefore })))
        // Those nobody wants any more were deleted: others may be due behind them.
        if (claimed.length >= limit || rows.length < wanted) break
      }
      await tx.commit()
      return claimed
    },
    { durable: false },
  )
}

const RETRY = `UPDATE @moves SET fence = fence + 1, attempts = attempts + 1, not_before = $3, last_error = $4
  WHERE id = $1 AND fence = $2`
const END = 'DELETE FROM @moves WHERE id = $1 AND fence = $2'

export function settleMove(
  database: Database,
  { id, fence }: Pick<MoveRecord, 'id' | 'fence'>,
  outcome: MoveOutcome,
): Promise<void> {
  return database.transact(
    'settle a move',
    async (tx) => {
      await tx.run()
      const [{ count }] = await tx.run(
        outcome.type === 'retry'
          ? sql(RETRY, id, fence, tx.nowMs + outcome.afterMs, outcome.reason)
          : sql(END, id, fence),
      )
      if (count === 0)
        throw new MediaError('MEDIA_LEASE_LOST', `postgres: the move ${id} was given out again, or is gone`, {
          reason: 'move-lost',
        })
      await tx.commit()
    },
    { durable: false },
  )
}

// In the order in which claims lock them.
const WITHDRAW = `DELETE FROM @moves WHERE id IN (SELECT id FROM @moves WHERE id = ANY($1::text[]) ORDER BY rank, seq FOR UPDATE)
  RETURNING to_json(id)`

/** @returns ids of those withdrawn now */
export function withdrawMoves(database: Database, ids: readonly string[]): Promise<readonly string[]> {
  return database.transact('withdraw moves', async (tx) => {
    await tx.run()
    const [{ rows }] = await tx.commit(sql<string>(WITHDRAW, ids))
    return rows
  })
}
