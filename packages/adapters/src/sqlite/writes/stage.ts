import {
  type PlacementRecord,
  type SessionRecord,
  type StagedPlacement,
  type StagePlacement,
  standsIn,
} from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { readId, type StoredId, storeDigest, storeId } from '../ids.ts'
import { findBlob, insertBlob, reviveBlob, setChunkSums } from './blobs.ts'
import { orConflict } from './conflict.ts'
import { addPin } from './pins.ts'
import { markBad, placementsOfBlob } from './placements.ts'
import { beginSession, liveSession, sessionOf } from './sessions.ts'

/**
 * Transaction A: the blob's row, a pin, and a placement for bytes that are about to be published.
 * Where another stands in for it, only the pin: the blob cannot be collected until the session ends.
 */
export function stagePlacement(tx: Transaction, input: StagePlacement): StagedPlacement {
  let session: SessionRecord
  let idempotencyKey: string | null
  if ('fence' in input.session) {
    const row = liveSession(tx, input.session)
    session = sessionOf(row)
    idempotencyKey = row.idempotencyKey
  } else {
    const begun = beginSession(tx, input.session)
    if (begun.type === 'repeated') return begun
    session = begun.session
    idempotencyKey = input.session.idempotencyKey ?? null
  }
  for (const placementId of input.distrust ?? []) markBad(tx, placementId)

  const blob = blobOf(tx, input)
  const blobId = readId(blob.id)
  const existing = blob.isNew
    ? []
    : placementsOfBlob(tx, blob.id).filter((one) => standsIn(one, input.reachable))
  if (existing.length > 0) addPin(tx, storeId(session.id), blob.id)
  else {
    addStaged(tx, session, blob.id, input)
    const { id, fence, namespace, owner } = session
    tx.stagedPuts.note({
      session: { id, fence, namespace, owner, idempotencyKey },
      blob: { digest: input.digest.slice(7), sizeBytes: blob.sizeBytes },
      placement: stagedPlacement(input, blobId),
    })
  }
  return { type: 'staged', session, blobId, existing }
}

function stagedPlacement(
  { placementId, volumeId, key, sizeBytes }: StagePlacement,
  blobId: string,
): PlacementRecord {
  return { id: placementId, blobId, volumeId, key, state: 'staged', owned: true, storedBytes: sizeBytes }
}

interface PinnedBlob {
  readonly id: StoredId
  readonly sizeBytes: number
  readonly isNew: boolean
}

function blobOf(tx: Transaction, input: StagePlacement): PinnedBlob {
  const { domain, sizeBytes, chunkSums } = input
  const digest = storeDigest(input.digest)
  const known = findBlob(tx, domain, digest)
  if (known === undefined)
    return { id: insertBlob(tx, { domain, digest, sizeBytes, chunkSums }), sizeBytes, isNew: true }
  if (known.state !== 'live') reviveBlob(tx, known.id)
  if (known.hasSums === 0) setChunkSums(tx, known.id, chunkSums)
  return { id: known.id, sizeBytes: known.sizeBytes, isNew: false }
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
  addPin(tx, storeId(session.id), blobId, id)
}
