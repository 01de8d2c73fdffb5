import {
  decodeWalkCursor,
  encodeWalkCursor,
  type MoveCause,
  type MoveRecord,
  type MovesPage,
  type WalkOptions,
} from '@mediakeep/core'
import { sql } from '../connection/statement.ts'
import type { Database } from '../database.ts'
import { PLACEMENT_AS_JSON, type PlacementRow, placementOf } from './record.ts'
import { WANTED } from './references.ts'

export interface MoveRow {
  readonly seq: number
  readonly id: string
  readonly blobId: string
  readonly toVolumeId: string
  readonly dropPlacementId: string | null
  readonly cause: MoveCause
  readonly rank: number
  readonly fence: number
  readonly attempts: number
  readonly notBefore: number
  readonly lastError: string | null
  readonly sizeBytes: number | null
  readonly isWanted: boolean
  readonly placements: readonly PlacementRow[] | null
}

/** SQL of a `MoveRow` made of the row `m` and its blob `b`, which may be gone. */
export const MOVE_AS_JSON: string = `json_build_object('seq', m.seq, 'id', m.id, 'blobId', m.blob_id,
  'toVolumeId', m.to_volume_id, 'dropPlacementId', m.drop_placement_id, 'cause', m.cause, 'rank', m.rank,
  'fence', m.fence, 'attempts', m.attempts, 'notBefore', m.not_before, 'lastError', m.last_error,
  'sizeBytes', b.size_bytes, 'isWanted', ${WANTED}, 'placements', (SELECT json_agg(${PLACEMENT_AS_JSON} ORDER BY p.id)
    FROM @placements p WHERE p.blob_id = m.blob_id AND p.state = 'live'))`

export function moveOf(row: MoveRow): MoveRecord {
  const { id, blobId, toVolumeId, dropPlacementId, cause, rank, fence, attempts, lastError } = row
  return {
    id,
    blobId,
    toVolumeId,
    ...(dropPlacementId === null ? {} : { dropPlacementId }),
    cause,
    rank,
    sizeBytes: row.sizeBytes ?? 0,
    placements: (row.placements ?? []).map(placementOf),
    fence,
    attempts,
    notBefore: new Date(row.notBefore),
    ...(lastError === null ? {} : { lastError }),
  }
}

const MOVES = `SELECT ${MOVE_AS_JSON} FROM @moves m
  CROSS JOIN LATERAL (SELECT * FROM @blobs WHERE id = m.blob_id LIMIT 1) b
  WHERE m.seq > $1 ORDER BY m.seq LIMIT $2`

/** In the order in which they were planned. */
export async function listMoves(database: Database, { cursor, limit }: WalkOptions): Promise<MovesPage> {
  const [after = '0'] = decodeWalkCursor('moves', 1, cursor) ?? []
  const rows = await database.ask('list moves', sql<MoveRow>(MOVES, Number(after), limit + 1))
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const moves = shown.map(moveOf)
  return rows.length <= limit || last === undefined
    ? { moves }
    : { moves, cursor: encodeWalkCursor('moves', String(last.seq)) }
}
