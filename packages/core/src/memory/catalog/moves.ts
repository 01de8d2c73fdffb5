import {
  checkMoveClaim,
  checkMoveOutcome,
  checkNewMoves,
  decodeWalkCursor,
  encodeWalkCursor,
} from '../../catalog/index.ts'
import type {
  Catalog,
  MoveOutcome,
  MoveRecord,
  MovesPage,
  NewMove,
  WalkOptions,
} from '../../contracts/catalog.ts'
import { MediaError } from '../../errors/media-error.ts'
import { livePlacements } from './snapshots.ts'
import { type BlobRow, compositeKey, type MemoryTables, type MoveRow } from './tables.ts'

export function planMoves(tables: MemoryTables, moves: readonly NewMove[], nowMs: number): string[] {
  checkNewMoves(moves)
  const planned: string[] = []
  for (const { blobId, ...move } of moves) {
    const blob = tables.blobs.get(blobId)
    if (blob === undefined || tables.moves.has(move.id)) continue
    const target = targetKey(blob, move.toVolumeId)
    if (tables.movesByTarget.has(target)) continue
    tables.lastOrder += 1
    const row: MoveRow = {
      ...move,
      order: tables.lastOrder,
      blob,
      fence: 0,
      attempts: 0,
      notBeforeMs: nowMs,
      lastError: undefined,
    }
    tables.moves.set(move.id, row)
    tables.movesByTarget.set(target, row)
    planned.push(move.id)
  }
  return planned
}

export function claimMoves(
  tables: MemoryTables,
  options: Parameters<Catalog['claimMoves']>[0],
  nowMs: number,
): MoveRecord[] {
  checkMoveClaim(options)
  const { volumeIds, limit, leaseMs } = options
  const due = [...tables.moves.values()]
    .filter((move) => move.notBeforeMs <= nowMs && volumeIds.includes(move.toVolumeId))
    .sort((one, other) => one.rank - other.rank || one.order - other.order)
  const claimed: MoveRecord[] = []
  for (const move of due) {
    if (claimed.length >= limit) break
    if (!isThere(tables, move) || move.blob.contents.size === 0) removeMove(tables, move)
    else if (hasSource(move, volumeIds)) {
      move.fence += 1
      move.notBeforeMs = nowMs + leaseMs
      claimed.push(moveRecord(move))
    }
  }
  return claimed
}

/** @throws MediaError MEDIA_LEASE_LOST */
export function settleMove(
  tables: MemoryTables,
  { id, fence }: Pick<MoveRecord, 'id' | 'fence'>,
  outcome: MoveOutcome,
  nowMs: number,
): void {
  checkMoveOutcome(outcome)
  const move = tables.moves.get(id)
  if (move === undefined || move.fence !== fence)
    throw new MediaError('MEDIA_LEASE_LOST', `the move ${id} was given out again, or is gone`, {
      reason: 'move-lost',
    })
  if (outcome.type !== 'retry') {
    removeMove(tables, move)
    return
  }
  // The claim has ended: nobody settles it again.
  move.fence += 1
  move.attempts += 1
  move.notBeforeMs = nowMs + outcome.afterMs
  move.lastError = outcome.reason
}

/** @returns ids of those withdrawn now */
export function withdrawMoves(tables: MemoryTables, ids: readonly string[]): string[] {
  return [...new Set(ids)].filter((id) => {
    const move = tables.moves.get(id)
    if (move !== undefined) removeMove(tables, move)
    return move !== undefined
  })
}

/** In the order in which they were planned. */
export function listMoves(tables: MemoryTables, { cursor, limit }: WalkOptions): MovesPage {
  const [after = 0] = decodeWalkCursor('moves', 1, cursor)?.map(Number) ?? []
  const moves: MoveRecord[] = []
  let last = after
  for (const move of tables.moves.values()) {
    if (move.order <= after || !isThere(tables, move)) continue
    if (moves.length >= limit) return { moves, cursor: encodeWalkCursor('moves', String(last)) }
    moves.push(moveRecord(move))
    last = move.order
  }
  return { moves }
}

/** What is to be done with one blob is to be done with the other now; a move that was planned for it stays. */
export function handOverMoves(tables: MemoryTables, from: BlobRow, to: BlobRow): void {
  for (const move of tables.moves.values()) {
    if (move.blob !== from) continue
    const target = targetKey(to, move.toVolumeId)
    if (tables.movesByTarget.has(target)) {
      removeMove(tables, move)
      continue
    }
    tables.movesByTarget.delete(targetKey(from, move.toVolumeId))
    move.blob = to
    tables.movesByTarget.set(target, move)
  }
}

function removeMove(tables: MemoryTables, move: MoveRow): void {
  tables.moves.delete(move.id)
  tables.movesByTarget.delete(targetKey(move.blob, move.toVolumeId))
}

function isThere(tables: MemoryTables, { blob }: MoveRow): boolean {
  return tables.blobs.has(blob.id)
}

function hasSource({ blob }: MoveRow, volumeIds: readonly string[]): boolean {
  return [...blob.placements].some(({ state, volumeId }) => state === 'live' && volumeIds.includes(volumeId))
}

function targetKey(blob: BlobRow, volumeId: string): string {
  return compositeKey(blob.id, volumeId)
}

function moveRecord(move: MoveRow): MoveRecord {
  const { id, blob, toVolumeId, dropPlacementId, cause, rank, fence, attempts, notBeforeMs, lastError } = move
  return {
    id,
    blobId: blob.id,
    toVolumeId,
    ...(dropPlacementId === undefined ? {} : { dropPlacementId }),
    cause,
    rank,
    sizeBytes: blob.sizeBytes,
    placements: livePlacements(move),
    fence,
    attempts,
    notBefore: new Date(notBeforeMs),
    ...(lastError === undefined ? {} : { lastError }),
  }
}
