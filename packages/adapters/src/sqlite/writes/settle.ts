import { type CommitContent, MediaError, type PlacementRecord } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'
import { placementsOfBlob } from './placements.ts'
import type { PinRow } from './sessions.ts'
import { addToVolume } from './volumes.ts'

export interface SettledPlacement {
  /** Ours lost to one that was live already: it is `leaving`. */
  readonly redundant: boolean
  /** Live placements of the blob from now on. */
  readonly live: readonly PlacementRecord[]
}

/** Makes our placement live, unless another is already. */
export function settlePlacement(
  tx: Transaction,
  pins: readonly PinRow[],
  blobId: StoredId,
  input: CommitContent,
): SettledPlacement {
  if (!pins.some((pin) => pin.blobId === input.blobId)) throw notStaged(`blob ${input.blobId}`)
  const placements = placementsOfBlob(tx, blobId)
  const live = placements.filter((row) => row.state === 'live')
  const { placement } = input
  if (placement === undefined) {
    if (live.length > 0) return { redundant: false, live }
    throw new MediaError(
      'MEDIA_CONFLICT',
      'sqlite: the placement that was to be used is gone; stage the bytes again',
      { reason: 'placement-gone' },
    )
  }
  const own = placements.find((row) => row.state === 'staged' && row.id === placement.id)
  if (own === undefined || !pins.some((pin) => pin.placementId === own.id))
    throw notStaged(`placement ${placement.id}`)
  const redundant = live.length > 0
  tx.sql('UPDATE placements SET state = ?, leftAt = ?, storedBytes = ?, etag = ? WHERE id = ?').run(
    redundant ? 'leaving' : 'live',
    redundant ? tx.nowMs : null,
    placement.storedBytes,
    placement.etag ?? null,
    storeId(own.id),
  )
  addToVolume(tx, storeId(own.volumeId), placement.storedBytes, 1)
  if (redundant) return { redundant, live }
  return { redundant, live: [{ ...own, state: 'live', ...placement }] }
}

/** Whether the commit uses what this pin holds. */
export function isUsed(pin: PinRow, { blobId, placement }: CommitContent): boolean {
  if (pin.blobId !== blobId) return false
  return pin.placementId === undefined || pin.placementId === placement?.id
}

function notStaged(what: string): MediaError {
  return new MediaError(
    'MEDIA_LEASE_LOST',
    `sqlite: the upload session cannot commit: it no longer stages ${what}; start the upload again`,
    { reason: 'session-ended' },
  )
}
