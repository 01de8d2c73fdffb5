import { newId } from '../../bytes/id.ts'
import { MediaError } from '../../errors/media-error.ts'
import type { BlobRow, ContentRow, MemoryTables, PlacementRow, SessionRow } from './tables.ts'
import { compositeKey, volumeOf } from './tables.ts'

/** Keeps what garbage collection looks at in step with references: a blob in use is never condemned. */
export function settleUse(tables: MemoryTables, blob: BlobRow): void {
  if (blob.contents.size > 0 || blob.pins.size > 0) {
    blob.condemnedAtMs = undefined
    tables.unreferenced.delete(blob)
  } else tables.unreferenced.add(blob)
}

export function pinBlob(tables: MemoryTables, blob: BlobRow, session: SessionRow): void {
  blob.pins.add(session)
  session.pins.add(blob)
  settleUse(tables, blob)
}

export function unpinBlobs(tables: MemoryTables, session: SessionRow): void {
  for (const blob of session.pins) {
    blob.pins.delete(session)
    settleUse(tables, blob)
  }
  session.pins.clear()
}

export function useBlob(tables: MemoryTables, content: ContentRow): void {
  content.blob.contents.add(content)
  settleUse(tables, content.blob)
}

export function releaseBlob(tables: MemoryTables, content: ContentRow): void {
  content.blob.contents.delete(content)
  settleUse(tables, content.blob)
}

/** What a new blob is made of. */
export type BlobFields = Pick<BlobRow, 'domain' | 'digest' | 'sizeBytes' | 'chunkSums'>

export function createBlob(tables: MemoryTables, fields: BlobFields): BlobRow {
  tables.lastOrder += 1
  const blob: BlobRow = {
    ...fields,
    id: newId(),
    order: tables.lastOrder,
    chunkSums: fields.chunkSums?.slice(),
    verdict: undefined,
    placements: new Set(),
    contents: new Set(),
    pins: new Set(),
    condemnedAtMs: undefined,
  }
  tables.blobs.set(blob.id, blob)
  if (blob.digest !== undefined) tables.blobsByDigest.set(compositeKey(blob.domain, blob.digest), blob)
  settleUse(tables, blob)
  return blob
}

export function removeBlob(tables: MemoryTables, blob: BlobRow): void {
  tables.blobs.delete(blob.id)
  if (blob.digest !== undefined) tables.blobsByDigest.delete(compositeKey(blob.domain, blob.digest))
  tables.unreferenced.delete(blob)
}

/** Whether nothing needs or holds the blob any more. */
export function isUnneeded(blob: BlobRow): boolean {
  return blob.placements.size === 0 && blob.contents.size === 0 && blob.pins.size === 0
}

/** Bytes of a staged placement are held by the reservation of its session; all others are stored. */
function countStored(tables: MemoryTables, placement: PlacementRow, sign: 1 | -1): void {
  if (placement.state === 'staged') return
  const volume = volumeOf(tables, placement.volumeId)
  volume.storedBytes += sign * placement.storedBytes
  volume.objects += sign
}

/** @throws MediaError MEDIA_CONFLICT `placement-taken` for an id or physical key that is in use. */
export function checkPlacementFree(
  tables: MemoryTables,
  input: { readonly placementId: string; readonly volumeId: string; readonly key: string },
): void {
  const isKeyTaken = tables.physicalKeys.has(compositeKey(input.volumeId, input.key))
  if (!isKeyTaken && !tables.placements.has(input.placementId)) return
  throw new MediaError(
    'MEDIA_CONFLICT',
    `memory catalog: the placement ${input.placementId} or its key exists already`,
    { reason: 'placement-taken' },
  )
}

/** What a new placement is made of. */
export type PlacementFields = Omit<PlacementRow, 'order'>

/** The placement must be free. */
export function addPlacement(tables: MemoryTables, fields: PlacementFields): PlacementRow {
  tables.lastOrder += 1
  const placement: PlacementRow = { ...fields, order: tables.lastOrder }
  tables.placements.set(placement.id, placement)
  tables.physicalKeys.set(compositeKey(placement.volumeId, placement.key), placement)
  placement.blob.placements.add(placement)
  if (placement.state === 'leaving') tables.leaving.add(placement)
  countStored(tables, placement, 1)
  return placement
}

export function changePlacement(
  tables: MemoryTables,
  placement: PlacementRow,
  to: Partial<Pick<PlacementRow, 'state' | 'storedBytes' | 'etag' | 'leavingSinceMs' | 'verifiedAtMs'>>,
): void {
  countStored(tables, placement, -1)
  Object.assign(placement, to)
  countStored(tables, placement, 1)
  if (placement.state === 'leaving') tables.leaving.add(placement)
  else tables.leaving.delete(placement)
}

export function removePlacement(tables: MemoryTables, placement: PlacementRow): void {
  countStored(tables, placement, -1)
  tables.placements.delete(placement.id)
  tables.physicalKeys.delete(compositeKey(placement.volumeId, placement.key))
  tables.leaving.delete(placement)
  placement.blob.placements.delete(placement)
}
