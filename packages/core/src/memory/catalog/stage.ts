import { newId } from '../../bytes/id.ts'
import type { StagedPlacement, StagePlacement } from '../../contracts/catalog.ts'
import { addBlob, addPlacement, changePlacement, checkPlacementFree, pinBlob } from './blobs.ts'
import { beginSession, sessionOf, sessionRecord } from './sessions.ts'
import { placementRecord } from './snapshots.ts'
import { type BlobRow, compositeKey, type MemoryTables, type PlacementRow } from './tables.ts'

/** Transaction A: finds the blob or makes it, pins it, and adds our placement unless live ones hold the same bytes. */
export function stagePlacement(tables: MemoryTables, input: StagePlacement, nowMs: number): StagedPlacement {
  const known = tables.blobsByDigest.get(compositeKey(input.domain, input.digest))
  const live = [...(known?.placements ?? [])].filter((placement) => placement.state === 'live')
  const distrusted = live.filter((placement) => input.distrust?.includes(placement.id))
  const existing = live.filter((placement) => !distrusted.includes(placement))
  if (existing.length === 0) checkPlacementFree(tables, input)
  const begun =
    'fence' in input.session
      ? { type: 'begun' as const, session: sessionOf(tables, input.session) }
      : beginSession(tables, input.session, nowMs)
  if (begun.type === 'repeated') return begun

  // From here on nothing fails.
  const { session } = begun
  const blob = known ?? createBlob(tables, input)
  for (const placement of distrusted) changePlacement(tables, placement, { state: 'bad' })
  pinBlob(tables, blob, session)
  if (existing.length === 0) {
    const placement: PlacementRow = {
      id: input.placementId,
      blob,
      volumeId: input.volumeId,
      key: input.key,
      owned: true,
      state: 'staged',
      storedBytes: input.sizeBytes,
      etag: undefined,
      leavingSinceMs: 0,
    }
    addPlacement(tables, placement)
    session.staged.add(placement)
  }
  return {
    type: 'staged',
    session: sessionRecord(session),
    blobId: blob.id,
    existing: existing.map(placementRecord),
  }
}

function createBlob(tables: MemoryTables, input: StagePlacement): BlobRow {
  const blob: BlobRow = {
    id: newId(),
    domain: input.domain,
    digest: input.digest,
    sizeBytes: input.sizeBytes,
    chunkSums: input.chunkSums.slice(),
    placements: new Set(),
    contents: new Set(),
    pins: new Set(),
    condemnedAtMs: undefined,
  }
  addBlob(tables, blob)
  return blob
}
