import { type CommitContent, MediaError, type PlacementRecord, standsIn } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'
import { type PinRow, pinsOf, removePins, takePin } from './pins.ts'
import { livePlacementsOf, placementsOfBlob } from './placements.ts'
import type { StagedPut } from './staged-puts.ts'

export interface SettledPlacement {
  /** Ours lost to one that was live already: it is `leaving`. */
  readonly redundant: boolean
  /** Live placements of the blob from now on. */
  readonly live: readonly PlacementRecord[]
  /** Removed pins of the session that held what this commit does not use. */
  readonly givenUp: readonly PinRow[]
}

/** Makes our placement live, unless another stands in for it. The session's pins go. */
export function settlePlacement(
  tx: Transaction,
  sessionId: StoredId,
  blobId: StoredId,
  input: CommitContent,
  known: StagedPut | undefined,
): SettledPlacement {
  const { placement } = input
  const isOwnPinned = placement !== undefined && takePin(tx, sessionId, blobId, placement.id)
  const others = pinsOf(tx, sessionId)
  if (others.length > 0) removePins(tx, sessionId)
  if (!isOwnPinned && !others.some((pin) => pin.blobId === input.blobId))
    throw notStaged(`blob ${input.blobId}`)
  const givenUp = others.filter((pin) => pin.blobId !== input.blobId || pin.placementId !== undefined)

  if (placement === undefined) {
    const live = placementsOfBlob(tx, blobId).filter(isLive)
    if (live.some((one) => standsIn(one, input.reachable))) return { redundant: false, live, givenUp }
    throw new MediaError(
      'MEDIA_CONFLICT',
      'sqlite: the placement that was to be used is gone; stage the bytes again',
      { reason: 'placement-gone' },
    )
  }
  if (!isOwnPinned) throw notStaged(`placement ${placement.id}`)
  const copies = livePlacementsOf(tx, blobId)
  const redundant = copies.some((one) => standsIn(one, input.reachable))
  const settled = tx
    .sql(
      "UPDATE placements SET state = ?, leftAt = ?, storedBytes = ?, etag = ? WHERE id = ? AND state = 'staged'",
    )
    .run(
      redundant ? 'leaving' : 'live',
      redundant ? tx.nowMs : null,
      placement.storedBytes,
      placement.etag ?? null,
      storeId(placement.id),
    )
  if (settled.changes < 1) throw notStaged(`placement ${placement.id}`)
  const rows = copies.length > 0 || known === undefined ? placementsOfBlob(tx, blobId) : undefined
  const own = rows?.find((row) => row.id === placement.id) ?? known?.placement
  if (own === undefined) throw new Error('a placement that was settled has no row')
  tx.totals.addToVolume(own.volumeId, placement.storedBytes, 1)
  return { redundant, live: rows?.filter(isLive) ?? [{ ...own, ...placement, state: 'live' }], givenUp }
}

const isLive = (row: PlacementRecord): boolean => row.state === 'live'

function notStaged(what: string): MediaError {
  return new MediaError(
    'MEDIA_LEASE_LOST',
    `sqlite: the upload session cannot commit: it no longer stages ${what}; start the upload again`,
    { reason: 'session-ended' },
  )
}
