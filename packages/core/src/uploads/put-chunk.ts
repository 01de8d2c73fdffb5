import type { Body } from '../contracts/bytes.ts'
import type { ChunkOptions } from '../contracts/uploads.ts'
import { entityTooLarge } from '../errors/entity-too-large.ts'
import { MediaError } from '../errors/media-error.ts'
import type { UploadContext } from './context.ts'
import { createFirstBytes } from './first-bytes.ts'
import type { Hold } from './hold.ts'
import { openPart } from './open-part.ts'
import { digestIdOf } from './running-digests.ts'
import type { UploadData } from './upload-data.ts'
import { openPiece, type Piece } from './write-piece.ts'

/** Writes one chunk of an upload that this process holds, perhaps beside others. Whoever is the last lets it go. */
export async function putChunk(
  context: UploadContext,
  hold: Hold,
  body: Body,
  options: ChunkOptions,
  signal: AbortSignal,
): Promise<void> {
  let piece: Piece | undefined
  let taken = false
  let begun = false
  let left: { readonly isLast: boolean } | undefined
  try {
    piece = await openPiece(body, { checksum: options.checksum })
    const { start, sizeBytes } = boundsOf(hold, options)
    begin(hold, options.index)
    begun = true
    const { partials } = await context.spools.at(hold.data.volumeId)
    const { writer, part } = await openPart(hold, partials)
    await forgetChunk(hold, options.index)
    const digestId = digestIdOf(hold)
    const digester = context.digests.take(digestId, start)
    let written = 0
    taken = true
    const first = createFirstBytes(context, hold, options.index === 0)
    try {
      await piece.read(async (chunk) => {
        hold.touch()
        if (written + chunk.byteLength > sizeBytes) throw chunkTooLarge(sizeBytes)
        await first.take(chunk)
        await writer.write(chunk, start + written)
        digester?.update(chunk)
        written += chunk.byteLength
        if (hold.isDue()) await hold.save({ leaseMs: context.limits.leaseMs })
      }, signal)
      if (written !== sizeBytes) throw chunkTooSmall(sizeBytes)
      await first.end(sizeBytes === hold.data.sizeBytes)
      await writer.sync()
    } finally {
      await writer.close()
    }
    left = { isLast: hold.leave() }
    await record(context, hold, options.index, part.part, left)
    if (digester !== undefined && digestIdOf(hold) === digestId) context.digests.keep(digestId, digester)
  } finally {
    if (!taken) piece?.discard()
    if (begun) hold.writing.underWay.delete(options.index)
    left ??= { isLast: hold.leave() }
    if (left.isLast) {
      try {
        // With what counts: a change that failed before may be in `data`, and not in the row.
        const isSaved = !hold.writing.isAhead
        await hold.letGo({
          ...(isSaved ? { isPassing: true } : progressOf(hold.data)),
          data: { isWriting: false },
        })
      } finally {
        hold.release()
      }
    }
  }
}

/** Two senders of one chunk would mix their bytes. */
function begin({ writing }: Hold, index: number): void {
  if (writing.underWay.has(index))
    throw new MediaError('MEDIA_LOCKED', 'this chunk is being written by another request', {
      reason: 'upload-locked',
    })
  writing.underWay.add(index)
}

/** What is about to be written over is there no more: half of it may be the old one's. */
async function forgetChunk(hold: Hold, index: number): Promise<void> {
  const { chunks } = hold.data
  if (chunks === undefined || (chunks[index] ?? -1) < 0) return
  const rewrites = (hold.data.rewrites ?? 0) + 1
  await hold.save({ data: { chunks: withChunk(chunks, index, -1), rewrites } })
}

/** What chunk it is. @throws MediaError MEDIA_BAD_INPUT `bad-chunk`, MEDIA_TOO_LARGE */
function boundsOf(
  { data }: Hold,
  { index, pieceBytes }: ChunkOptions,
): { readonly start: number; readonly sizeBytes: number } {
  const { chunks, chunkBytes, sizeBytes } = data
  if (chunks === undefined || chunkBytes === undefined || sizeBytes === undefined)
    throw new MediaError('MEDIA_CONFLICT', 'this upload does not come in chunks', { reason: 'other-door' })
  if (!Number.isSafeInteger(index) || index < 0 || index >= chunks.length)
    throw new MediaError('MEDIA_BAD_INPUT', `the upload has chunks 0 to ${chunks.length - 1}`, {
      reason: 'bad-chunk',
    })
  const start = index * chunkBytes
  const ownBytes = Math.min(chunkBytes, sizeBytes - start)
  if (pieceBytes !== undefined && pieceBytes !== ownBytes)
    throw pieceBytes > ownBytes ? chunkTooLarge(ownBytes) : chunkTooSmall(ownBytes)
  return { start, sizeBytes: ownBytes }
}

/** Writes to the row that a chunk is there. The last one lets the upload go with the same change. */
async function record(
  context: UploadContext,
  hold: Hold,
  index: number,
  part: number,
  { isLast }: { readonly isLast: boolean },
): Promise<void> {
  const chunks = withChunk(hold.data.chunks ?? [], index, part)
  try {
    await hold.save({
      leaseMs: isLast ? 0 : context.limits.leaseMs,
      ttlMs: hold.data.ttlMs,
      ...progressOf({ ...hold.data, chunks }),
      data: { chunks, ...(isLast ? { isWriting: false } : {}) },
    })
    if (isLast) hold.handedOver()
  } catch (error) {
    hold.writing.isAhead = true
    throw error
  }
}

/** What the row tells of these chunks. */
function progressOf({ chunks = [], chunkBytes = 0, sizeBytes = 0 }: UploadData): {
  readonly offsetBytes: number
  readonly state: 'received' | 'receiving'
} {
  const offsetBytes = bytesOf(chunks, chunkBytes, sizeBytes)
  return { offsetBytes, state: offsetBytes === sizeBytes ? 'received' : 'receiving' }
}

function withChunk(chunks: readonly number[], index: number, part: number): readonly number[] {
  const changed = [...chunks]
  changed[index] = part
  return changed
}

function bytesOf(chunks: readonly number[], chunkBytes: number, sizeBytes: number): number {
  const isThere = (index: number): boolean => (chunks[index] ?? -1) >= 0
  const count = chunks.filter((part) => part >= 0).length
  const lastBytes = sizeBytes - (chunks.length - 1) * chunkBytes
  return isThere(chunks.length - 1) ? (count - 1) * chunkBytes + lastBytes : count * chunkBytes
}

function chunkTooLarge(bytes: number): MediaError {
  return entityTooLarge(`this chunk has ${bytes} bytes`)
}

function chunkTooSmall(bytes: number): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `this chunk has ${bytes} bytes`, { reason: 'incomplete-body' })
}
