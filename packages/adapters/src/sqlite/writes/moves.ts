import { type Catalog, MediaError, type MoveOutcome, type MoveRecord, type NewMove } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { storeId } from '../ids.ts'
import { MOVE_COLUMNS, type MoveRow, moveOf } from '../reads/moves.ts'
import { WANTED } from '../reads/references.ts'
import { places } from '../reads/walk.ts'

/** @returns ids of those planned now */
export function planMoves(tx: Transaction, moves: readonly NewMove[]): readonly string[] {
  const plan = tx.sql(
    `INSERT OR IGNORE INTO moves(id, blobId, toVolumeId, dropPlacementId, cause, rank, fence, attempts, notBefore)
     SELECT ?, id, ?, ?, ?, ?, 0, 0, ? FROM blobs WHERE id = ?`,
  )
  return moves.flatMap(({ id, blobId, toVolumeId, dropPlacementId, cause, rank }) => {
    const drop = dropPlacementId === undefined ? null : storeId(dropPlacementId)
    const { changes } = plan.run(
      storeId(id),
      storeId(toVolumeId),
      drop,
      cause,
      rank,
      tx.nowMs,
      storeId(blobId),
    )
    return changes > 0 ? [id] : []
  })
}

export function claimMoves(
  tx: Transaction,
  { volumeIds, limit, leaseMs }: Parameters<Catalog['claimMoves']>[0],
): readonly MoveRecord[] {
  const volumes = volumeIds.map(storeId)
  const due = tx.sql<MoveRow>(
    `SELECT ${MOVE_COLUMNS} FROM moves m LEFT JOIN blobs b ON b.id = m.blobId
     WHERE m.toVolumeId IN ${places(volumes.length)} AND m.notBefore <= ? AND (NOT ${WANTED}
       OR EXISTS(SELECT 1 FROM placements p WHERE p.blobId = m.blobId AND p.state = 'live'
         AND p.volumeId IN ${places(volumes.length)}))
     ORDER BY m.rank, m.seq LIMIT ?`,
  )
  const claimed: MoveRecord[] = []
  for (;;) {
    const wanted = limit - claimed.length
    const rows = due.all(...volumes, tx.nowMs, ...volumes, wanted)
    for (const row of rows) {
      const move = claimMove(tx, row, leaseMs)
      if (move !== undefined) claimed.push(move)
    }
    // Those nobody wants any more were deleted: others may be due behind them.
    if (claimed.length >= limit || rows.length < wanted) return claimed
  }
}

/** `undefined` when no content needs the blob any more: the move is deleted. */
function claimMove(tx: Transaction, row: MoveRow, leaseMs: number): MoveRecord | undefined {
  const { isWanted, ...move } = moveOf(row)
  if (!isWanted) {
    tx.sql('DELETE FROM moves WHERE seq = ?').run(row.seq)
    return undefined
  }
  const fence = move.fence + 1
  const notBefore = new Date(tx.nowMs + leaseMs)
  tx.sql('UPDATE moves SET fence = ?, notBefore = ? WHERE seq = ?').run(fence, notBefore.getTime(), row.seq)
  return { ...move, fence, notBefore }
}

export interface SettleMove {
  readonly move: Pick<MoveRecord, 'id' | 'fence'>
  readonly outcome: MoveOutcome
}

export function settleMove(tx: Transaction, { move: { id, fence }, outcome }: SettleMove): undefined {
  const settled =
    outcome.type === 'retry'
      ? tx
          .sql(
            `UPDATE moves SET fence = fence + 1, attempts = attempts + 1, notBefore = ?, lastError = ?
             WHERE id = ? AND fence = ?`,
          )
          .run(tx.nowMs + outcome.afterMs, outcome.reason, storeId(id), fence)
      : tx.sql('DELETE FROM moves WHERE id = ? AND fence = ?').run(storeId(id), fence)
  if (settled.changes > 0) return undefined
  throw new MediaError('MEDIA_LEASE_LOST', `sqlite: the move ${id} was given out again, or is gone`, {
    reason: 'move-lost',
  })
}

/** @returns ids of those withdrawn now */
export function withdrawMoves(tx: Transaction, ids: readonly string[]): readonly string[] {
  const withdraw = tx.sql('DELETE FROM moves WHERE id = ?')
  return [...new Set(ids)].filter((id) => withdraw.run(storeId(id)).changes > 0)
}
