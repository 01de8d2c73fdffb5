import { type CommitContent, MediaError, type PlacementRecord, standsIn } from '@mediakeep/core'
import { type Answer, type Statement, sql } from '../connection/statement.ts'
import { changeTotals, volumeSubject } from './totals.ts'

/** A blob that a session pins, as a commit sees it. */
interface PinnedBlob {
  readonly sizeBytes: number
  readonly verdict: string | null
  /** Those that are live. */
  readonly live: readonly Pick<PlacementRecord, 'state' | 'owned' | 'volumeId'>[] | null
  /** Volume of the placement that the session staged, as long as it is staged. */
  readonly ownVolumeId: string | null
  /** Whether the session pins anything that this commit does not use. */
  readonly hasOthers: boolean
}

const PINNED = `SELECT json_build_object('sizeBytes', b.size_bytes, 'verdict', b.verdict,
    'live', (SELECT json_agg(json_build_object('state', p.state, 'owned', p.owned, 'volumeId', p.volume_id))
      FROM @placements p WHERE p.blob_id = b.id AND p.state = 'live'),
    'ownVolumeId', (SELECT p.volume_id FROM @placements p
      WHERE p.id = $3 AND p.blob_id = b.id AND p.state = 'staged' AND EXISTS (
        SELECT 1 FROM @pins n WHERE n.session_id = $1 AND n.blob_id = b.id AND n.placement_id = p.id)),
    'hasOthers', EXISTS (SELECT 1 FROM @pins n WHERE n.session_id = $1
      AND NOT (n.blob_id = b.id AND n.placement_id IN ('', coalesce($3, '')))))
  FROM @blobs b WHERE b.id = $2 AND EXISTS (SELECT 1 FROM @pins n WHERE n.session_id = $1 AND n.blob_id = b.id)`

/** To be read under the lock of the blob. */
export function pinnedBlob({
  session,
  blobId,
  placement,
}: Pick<CommitContent, 'session' | 'blobId' | 'placement'>): Statement<PinnedBlob> {
  return sql<PinnedBlob>(PINNED, session.id, blobId, placement?.id ?? null)
}

export interface SettledPlacement {
  /** Ours lost to one that was live already: it is `leaving`. */
  readonly redundant: boolean
  readonly sizeBytes: number
  /** Of the blob, before this commit. */
  readonly verdict: string | null
  readonly hasOthers: boolean
  readonly statements: readonly Statement[]
}

const SETTLE = `UPDATE @placements SET state = $2, left_at = $3::bigint, stored_bytes = $4, etag = $5 WHERE id = $1`

/** Makes our placement live, unless another stands in for it. @throws MediaError MEDIA_LEASE_LOST, MEDIA_CONFLICT `placement-gone` */
export function settlePlacement(
  { blobId, placement, reachable }: CommitContent,
  { rows }: Answer<PinnedBlob>,
  nowMs: number,
): SettledPlacement {
  const [pinned] = rows
  if (pinned === undefined) throw notStaged(`blob ${blobId}`)
  const { sizeBytes, verdict, ownVolumeId, hasOthers } = pinned
  const isKept = (pinned.live ?? []).some((one) => standsIn(one, reachable))
  if (placement === undefined) {
    if (isKept) return { redundant: false, sizeBytes, verdict, hasOthers, statements: [] }
    throw new MediaError(
      'MEDIA_CONFLICT',
      'postgres: the placement that was to be used is gone; stage the bytes again',
      { reason: 'placement-gone' },
    )
  }
  if (ownVolumeId === null) throw notStaged(`placement ${placement.id}`)
  const { id, storedBytes, etag } = placement
  return {
    redundant: isKept,
    sizeBytes,
    verdict,
    hasOthers,
    statements: [
      sql(SETTLE, id, isKept ? 'leaving' : 'live', isKept ? nowMs : null, storedBytes, etag ?? null),
      changeTotals([{ subject: volumeSubject(ownVolumeId), items: 1, bytes: storedBytes }]),
    ],
  }
}

export function notStaged(what: string): MediaError {
  return new MediaError(
    'MEDIA_LEASE_LOST',
    `postgres: the upload session cannot commit: it no longer stages ${what}; start the upload again`,
    { reason: 'session-ended' },
  )
}
