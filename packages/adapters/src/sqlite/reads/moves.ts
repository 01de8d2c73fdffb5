import {
  decodeWalkCursor,
  encodeWalkCursor,
  type MoveCause,
  type MoveRecord,
  type MovesPage,
  type WalkOptions,
} from '@mediakeep/core'
import type { Database } from '../database.ts'
import { idAsJson, readJsonId } from '../ids.ts'
import { PLACEMENT_AS_JSON, type PlacementRow, placementOf } from './record.ts'
import { WANTED } from './references.ts'

export interface MoveRow {
  readonly seq: number
  /** Beside the JSON, which would round it. */
  readonly rank: number
  readonly json: string
}

type MoveJson = readonly [
  id: string,
  blobId: string,
  toVolumeId: string,
  dropPlacementId: string | null,
  cause: MoveCause,
  fence: number,
  attempts: number,
  notBefore: number,
  lastError: string | null,
  sizeBytes: number | null,
  isWanted: number,
  placements: readonly PlacementRow[],
]

/** SQL of a `MoveRow` made of the row `m` and its blob `b`. */
export const MOVE_COLUMNS: string = `m.seq AS seq, m.rank AS rank, json_array(${idAsJson('m.id')}, ${idAsJson('m.blobId')},
  ${idAsJson('m.toVolumeId')}, ${idAsJson('m.dropPlacementId')}, m.cause, m.fence, m.attempts, m.notBefore, m.lastError,
  b.sizeBytes, ${WANTED}, (SELECT json_group_array(${PLACEMENT_AS_JSON}) FROM placements p
    WHERE p.blobId = m.blobId AND p.state = 'live')) AS json`

/** What the move is, and whether a content still refers to its blob. */
export function moveOf({ rank, json }: MoveRow): MoveRecord & { readonly isWanted: boolean } {
  const [id, blob, toVolumeId, dropPlacementId, cause, fence, attempts, notBefore, lastError, ...rest] =
    JSON.parse(json) as MoveJson
  const [sizeBytes, isWanted, placements] = rest
  const blobId = readJsonId(blob)
  return {
    id: readJsonId(id),
    blobId,
    toVolumeId: readJsonId(toVolumeId),
    ...(dropPlacementId === null ? {} : { dropPlacementId: readJsonId(dropPlacementId) }),
    cause,
    rank,
    sizeBytes: sizeBytes ?? 0,
    placements: placements.map((placement) => placementOf(placement, blobId)),
    fence,
    attempts,
    notBefore: new Date(notBefore),
    ...(lastError === null ? {} : { lastError }),
    isWanted: isWanted === 1,
  }
}

/** In the order in which they were planned. */
export function listMoves(database: Database, { cursor, limit }: WalkOptions): MovesPage {
  const [after = '0'] = decodeWalkCursor('moves', 1, cursor) ?? []
  const rows = database
    .sql<MoveRow>(
      `SELECT ${MOVE_COLUMNS} FROM moves m CROSS JOIN blobs b ON b.id = m.blobId WHERE m.seq > ? ORDER BY m.seq LIMIT ?`,
    )
    .all(Number(after), limit + 1)
  const shown = rows.slice(0, limit)
  const moves = shown.map((row) => {
    const { isWanted: _isWanted, ...move } = moveOf(row)
    return move
  })
  const last = shown.at(-1)
  return rows.length <= limit || last === undefined
    ? { moves }
    : { moves, cursor: encodeWalkCursor('moves', String(last.seq)) }
}
