import { verdictAfter } from '../../catalog/index.ts'
import type { Catalog } from '../../contracts/catalog.ts'
import { MediaError } from '../../errors/media-error.ts'
import { removeBlob, settleUse } from './blobs.ts'
import { handOverMoves } from './moves.ts'
import { type BlobRow, compositeKey, type MemoryTables } from './tables.ts'

/** @returns the blob that holds the bytes now. @throws MediaError MEDIA_CONFLICT `other-content` */
export function learnDigest(
  tables: MemoryTables,
  blobId: string,
  { domain, digest, chunkSums }: Parameters<Catalog['learnDigest']>[1],
): string | undefined {
  const blob = tables.blobs.get(blobId)
  if (blob === undefined) return undefined
  if (blob.digest !== undefined && blob.digest !== digest) throw otherContent(blob)
  const twin = blob.digest === undefined ? tables.blobsByDigest.get(compositeKey(domain, digest)) : blob
  if (twin !== undefined && twin.sizeBytes !== blob.sizeBytes) throw otherContent(blob)
  const keeper = twin ?? blob
  keeper.chunkSums ??= chunkSums.slice()
  if (twin === undefined) {
    blob.domain = domain
    blob.digest = digest
    tables.blobsByDigest.set(compositeKey(domain, digest), blob)
  } else if (twin !== blob) handOver(tables, blob, twin)
  return keeper.id
}

/** All that refers to one blob refers to the other now; the first is gone. */
function handOver(tables: MemoryTables, from: BlobRow, to: BlobRow): void {
  for (const content of from.contents) {
    content.blob = to
    to.contents.add(content)
  }
  for (const session of from.pins) {
    session.pins.delete(from)
    session.pins.add(to)
    to.pins.add(session)
  }
  const placements = [...to.placements, ...from.placements].sort((one, other) => one.order - other.order)
  to.placements.clear()
  for (const placement of placements) {
    placement.blob = to
    to.placements.add(placement)
  }
  handOverMoves(tables, from, to)
  to.verdict = verdictAfter(to.verdict, from.verdict)
  removeBlob(tables, from)
  settleUse(tables, to)
}

function otherContent({ id }: BlobRow): MediaError {
  return new MediaError('MEDIA_CONFLICT', `blob ${id} has other bytes than those that were read`, {
    reason: 'other-content',
  })
}
