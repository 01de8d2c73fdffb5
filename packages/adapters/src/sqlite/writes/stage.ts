import type { PlacementRecord, SessionRecord, StagedPlacement, StagePlacement } from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { readId, type StoredId, storeDigest, storeId } from '../ids.ts'
import { findBlob, insertBlob, reviveBlob, setChunkSums } from './blobs.ts'
import { orConflict } from './conflict.ts'
import { markBad, placementsOfBlob } from './placements.ts'
import { beginSession, liveSession, sessionOf } from './sessions.ts'

/** Stands for no placement in the key of a pin; one byte, because a driver may take an empty blob for NULL. */
const ONLY_THE_BLOB: Uint8Array = Uint8Array.of(0)

/**
 * Transaction A: the blob's row, a pin, and a placement for bytes that are about to be published.
 * Where a live placement holds the same bytes, only the pin: the blob cannot be collected until the session ends.
 */
export function stagePlacement(tx: Transaction, input: StagePlacement): StagedPlacement {
  let session: SessionRecord
  if ('fence' in input.session) session = sessionOf(liveSession(tx, input.session))
  else {
    const begun = beginSession(tx, input.session)
    if (begun.type === 'repeated') return begun
    session = begun.session
  }
  for (const placementId of input.distrust ?? []) markBad(tx, placementId)

  const blob = blobOf(tx, input)
  const existing: PlacementRecord[] = []
  if (!blob.isNew)
    for (const found of placementsOfBlob(tx, blob.id)) if (found.state === 'live') existing.push(found)
  if (existing.length === 0) addStaged(tx, session, blob.id, input)
  else pin(tx, session, blob.id, ONLY_THE_BLOB)
  return { type: 'staged', session, blobId: readId(blob.id), existing }
}

interface PinnedBlob {
  readonly id: StoredId
  readonly isNew: boolean
}

function blobOf(tx: Transaction, input: StagePlacement): PinnedBlob {
  const { domain, sizeBytes, chunkSums } = input
  const digest = storeDigest(input.digest)
  const known = findBlob(tx, domain, digest)
  if (known === undefined)
    return { id: insertBlob(tx, { domain, digest, sizeBytes, chunkSums }), isNew: true }
  if (known.state !== 'live') reviveBlob(tx, known.id)
  if (known.hasSums === 0) setChunkSums(tx, known.id, chunkSums)
  return { id: known.id, isNew: false }
}

export interface NewPlacement {
  readonly placementId: string
  readonly volumeId: string
  readonly key: string
  readonly sizeBytes: number
}

/** A placement for bytes that are about to be published, pinned with its blob until the session ends. */
export function addStaged(
  tx: Transaction,
  session: SessionRecord,
  blobId: StoredId,
  { placementId, volumeId, key, sizeBytes }: NewPlacement,
): void {
  const id = storeId(placementId)
  orConflict('placement-taken', `the placement ${placementId} or its key exists already`, () =>
    tx
      .sql(
        `INSERT INTO placements(id, blobId, volumeId, key, state, owned, storedBytes, fence)
         VALUES (?, ?, ?, ?, 'staged', 1, ?, ?)`,
      )
      .run(id, blobId, storeId(volumeId), key, sizeBytes, session.fence),
  )
  pin(tx, session, blobId, id)
}

function pin(tx: Transaction, session: SessionRecord, blobId: StoredId, placementId: StoredId): void {
  tx.sql('INSERT OR IGNORE INTO pins(sessionId, blobId, placementId) VALUES (?, ?, ?)').run(
    storeId(session.id),
    blobId,
    placementId,
  )
}
