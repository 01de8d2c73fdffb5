import { standsIn } from '../../catalog/index.ts'
import type { StagedPlacement, StagePlacement } from '../../contracts/catalog.ts'
import {
  addPlacement,
  type BlobFields,
  changePlacement,
  checkPlacementFree,
  createBlob,
  pinBlob,
} from './blobs.ts'
import { beginSession, sessionOf, sessionRecord } from './sessions.ts'
import { placementRecord } from './snapshots.ts'
import { type BlobRow, compositeKey, type MemoryTables, type SessionRow } from './tables.ts'

/** Transaction A: finds the blob or makes it, pins it, and adds our placement unless others stand in for it. */
export function stagePlacement(tables: MemoryTables, input: StagePlacement, nowMs: number): StagedPlacement {
  const known = tables.blobsByDigest.get(compositeKey(input.domain, input.digest))
  const live = [...(known?.placements ?? [])].filter((placement) => placement.state === 'live')
  const distrusted = live.filter((placement) => input.distrust?.includes(placement.id))
  const existing = live.filter(
    (placement) => !distrusted.includes(placement) && standsIn(placement, input.reachable),
  )
  if (existing.length === 0) checkPlacementFree(tables, input)
  const begun =
    'fence' in input.session
      ? { type: 'begun' as const, session: sessionOf(tables, input.session) }
      : beginSession(tables, input.session, nowMs)
  if (begun.type === 'repeated') return begun

  // From here on nothing fails.
  const { session } = begun
  const blob = known ?? createBlob(tables, blobFields(input))
  blob.chunkSums ??= input.chunkSums.slice()
  for (const placement of distrusted) changePlacement(tables, placement, { state: 'bad' })
  pinBlob(tables, blob, session)
  if (existing.length === 0) addStaged(tables, session, blob, input)
  return {
    type: 'staged',
    session: sessionRecord(session),
    blobId: blob.id,
    existing: existing.map(placementRecord),
  }
}

/** A placement for bytes that are about to be published. */
export function addStaged(
  tables: MemoryTables,
  session: SessionRow,
  blob: BlobRow,
  at: { readonly placementId: string; readonly volumeId: string; readonly key: string },
): void {
  const placement = addPlacement(tables, {
    id: at.placementId,
    blob,
    volumeId: at.volumeId,
    key: at.key,
    owned: true,
    state: 'staged',
    storedBytes: blob.sizeBytes,
    etag: undefined,
    leavingSinceMs: 0,
    verifiedAtMs: undefined,
  })
  session.staged.add(placement)
}

function blobFields({ domain, digest, sizeBytes, chunkSums }: StagePlacement): BlobFields {
  return { domain, digest, sizeBytes, chunkSums }
}
