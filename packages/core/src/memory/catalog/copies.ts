import { decodeWalkCursor, encodeWalkCursor } from '../../catalog/index.ts'
import type { BlobCopies, Catalog, CopiesPage, StoredCopy, ThinBlobsPage } from '../../contracts/catalog.ts'
import { changePlacement } from './blobs.ts'
import { placementRecord } from './snapshots.ts'
import type { BlobRow, MemoryTables, PlacementRow } from './tables.ts'

/** In order of creation of the blob, then of the placement. */
export function listCopies(
  tables: MemoryTables,
  { volumeIds, cursor, limit, notVerifiedSince }: Parameters<Catalog['listCopies']>[0],
): CopiesPage {
  const [afterBlob = 0, afterPlacement = 0] = decodeWalkCursor('copies', 2, cursor)?.map(Number) ?? []
  const copies: StoredCopy[] = []
  let last: PlacementRow | undefined
  for (const blob of tables.blobs.values()) {
    if (blob.order < afterBlob) continue
    for (const placement of blob.placements) {
      if (blob.order === afterBlob && placement.order <= afterPlacement) continue
      if (!placement.owned || !isCopy(placement) || !volumeIds.includes(placement.volumeId)) continue
      const { verifiedAtMs } = placement
      if (notVerifiedSince !== undefined && (verifiedAtMs ?? 0) > notVerifiedSince.getTime()) continue
      if (last !== undefined && copies.length >= limit) return { copies, cursor: cursorBehind(last) }
      copies.push(storedCopy(placement))
      last = placement
    }
  }
  return { copies }
}

function cursorBehind({ blob, order }: PlacementRow): string {
  return encodeWalkCursor('copies', String(blob.order), String(order))
}

function storedCopy(placement: PlacementRow): StoredCopy {
  const { blob, verifiedAtMs } = placement
  return {
    placement: placementRecord(placement),
    ...(blob.digest === undefined ? {} : { digest: blob.digest }),
    sizeBytes: blob.sizeBytes,
    ...(verifiedAtMs === undefined ? {} : { verifiedAt: new Date(verifiedAtMs) }),
  }
}

export function markVerified(tables: MemoryTables, placementIds: readonly string[], nowMs: number): void {
  for (const id of placementIds) {
    const placement = tables.placements.get(id)
    if (placement === undefined || !isCopy(placement)) continue
    changePlacement(tables, placement, { state: 'live', verifiedAtMs: nowMs })
  }
}

export function listThinBlobs(
  tables: MemoryTables,
  { volumeIds, minCopies, cursor, limit }: Parameters<Catalog['listThinBlobs']>[0],
): ThinBlobsPage {
  const [after = 0] = decodeWalkCursor('thin-blobs', 1, cursor)?.map(Number) ?? []
  const blobs: BlobCopies[] = []
  let last = after
  for (const blob of tables.blobs.values()) {
    if (blob.order <= after || blob.contents.size === 0) continue
    const holding = new Set<string>()
    for (const { state, volumeId } of blob.placements)
      if (state === 'live' && volumeIds.includes(volumeId)) holding.add(volumeId)
    if (holding.size >= minCopies || isExternal(blob, volumeIds)) continue
    if (blobs.length >= limit) return { blobs, cursor: encodeWalkCursor('thin-blobs', String(last)) }
    blobs.push(blobCopies(blob))
    last = blob.order
  }
  return { blobs }
}

/** Whether its bytes are an external object, of which none of these volumes has a copy of ours. */
function isExternal({ placements }: BlobRow, volumeIds: readonly string[]): boolean {
  const copies = [...placements].filter(isCopy)
  return (
    copies.some(({ owned, state }) => !owned && state === 'live') &&
    !copies.some(({ owned, volumeId }) => owned && volumeIds.includes(volumeId))
  )
}

export function blobCopies(blob: BlobRow): BlobCopies {
  return {
    blobId: blob.id,
    ...(blob.digest === undefined ? {} : { digest: blob.digest }),
    sizeBytes: blob.sizeBytes,
    placements: [...blob.placements].filter(isCopy).map(placementRecord),
  }
}

function isCopy({ state }: PlacementRow): boolean {
  return state === 'live' || state === 'bad'
}
