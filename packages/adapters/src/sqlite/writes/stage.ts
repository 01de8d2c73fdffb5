import {
  newId,
  type PlacementRecord,
  type SessionRecord,
  type StagedPlacement,
  type StagePlacement,
} from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { readId, type StoredId, storeDigest, storeId } from '../ids.ts'
import { reviveBlob } from './blobs.ts'
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
  const placementId = existing.length === 0 ? storeId(input.placementId) : ONLY_THE_BLOB
  if (existing.length === 0)
    orConflict('placement-taken', `the placement ${input.placementId} or its key exists already`, () =>
      tx
        .sql(
          `INSERT INTO placements(id, blobId, volumeId, key, state, owned, storedBytes, fence)
           VALUES (?, ?, ?, ?, 'staged', 1, ?, ?)`,
        )
        .run(placementId, blob.id, storeId(input.volumeId), input.key, input.sizeBytes, session.fence),
    )
  tx.sql('INSERT OR IGNORE INTO pins(sessionId, blobId, placementId) VALUES (?, ?, ?)').run(
    storeId(session.id),
    blob.id,
    placementId,
  )
  return { type: 'staged', session, blobId: readId(blob.id), existing }
}

interface FoundBlob {
  readonly id: StoredId
  readonly isNew: boolean
}

function blobOf(tx: Transaction, input: StagePlacement): FoundBlob {
  const digest = storeDigest(input.digest)
  const known = tx
    .sql<{ readonly id: StoredId; readonly state: string; readonly hasSums: number }>(
      'SELECT id, state, chunkSums IS NOT NULL AS hasSums FROM blobs WHERE domain = ? AND digest = ?',
    )
    .get(input.domain, digest)
  if (known === undefined) {
    const id = storeId(newId())
    tx.sql(
      "INSERT INTO blobs(id, domain, digest, sizeBytes, state, chunkSums) VALUES (?, ?, ?, ?, 'live', ?)",
    ).run(id, input.domain, digest, input.sizeBytes, input.chunkSums)
    return { id, isNew: true }
  }
  if (known.state !== 'live') reviveBlob(tx, known.id)
  if (known.hasSums === 0)
    tx.sql('UPDATE blobs SET chunkSums = ? WHERE id = ?').run(input.chunkSums, known.id)
  return { id: known.id, isNew: false }
}
