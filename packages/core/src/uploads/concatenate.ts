import { Readable } from 'node:stream'
import { USED_PART_TTL_MS } from '../defaults.ts'
import { bodyTooLarge } from '../errors/entity-too-large.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { quotaReservation, roomReservation } from '../ingest/session.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import { maxBytesOf } from '../validation/policies.ts'
import { type Completed, type Completing, receiveHeld } from './complete.ts'
import type { OpenUpload, UploadContext } from './context.ts'
import type { Hold } from './hold.ts'
import { openWhole } from './parts.ts'

/** Makes the media of an upload that has no bytes of its own from finished partial ones. */
export async function concatenateHeld(
  context: UploadContext,
  hold: Hold,
  parts: readonly OpenUpload[],
  completing: Completing,
): Promise<Completed> {
  const sizeBytes = parts.reduce((sum, { data }) => sum + (data.sizeBytes ?? 0), 0)
  const maxBytes = maxBytesOf(context)
  if (sizeBytes > maxBytes) throw bodyTooLarge(maxBytes)
  const { volume } = await context.spools.at(hold.data.volumeId)
  const { namespace, owner } = hold.record
  const quotaBytes = context.quotaOf(namespace, owner)
  const handsOver = quotaBytes !== undefined
  hold.beWorking()
  let isUsed = false
  try {
    if (handsOver) for (const part of distinct(parts)) await setPart(context, part, 0, completing.signal)
    await hold.save({
      offsetBytes: 0,
      data: { sizeBytes },
      reservations: [
        ...roomReservation(volume, sizeBytes),
        ...quotaReservation(owner, sizeBytes, quotaBytes),
      ],
    })
    const stream = Readable.from(bytesOf(context, parts), { objectMode: false })
    const completed = await receiveHeld(context, hold, { kind: 'stream', stream, sizeBytes }, completing)
    isUsed = true
    return completed
  } finally {
    if (handsOver) await giveBack(context, parts, isUsed)
  }
}

/**
 * The quota counts the bytes of a whole once while it is made: its parts hand over what they hold, or a body of more than half of a
 * quota could never come in parts. Behind it they count again, over the quota where it must be, because they are still there; those
 * that were used run out soon.
 */
async function giveBack(
  context: UploadContext,
  parts: readonly OpenUpload[],
  isUsed: boolean,
): Promise<void> {
  const { signal } = new AbortController()
  for (const part of distinct(parts)) {
    try {
      await setPart(context, part, part.data.sizeBytes ?? 0, signal, isUsed)
    } catch (error) {
      // One that was given up meanwhile holds nothing any more. What became of the whole does not change by any of it.
      const isOver =
        isMediaError(error, 'MEDIA_CONFLICT') ||
        isMediaError(error, 'MEDIA_ABSENT') ||
        isMediaError(error, 'MEDIA_GONE')
      if (!isOver) tellUpkeepFailed(context, 'reserve-parts', toFailure(error))
    }
  }
}

/** What a part holds of its owner's quota from now on. */
async function setPart(
  context: UploadContext,
  { record }: OpenUpload,
  bytes: number,
  signal: AbortSignal,
  isUsed: boolean = false,
): Promise<void> {
  const hold = await context.holds.take(record.id, { signal })
  try {
    const leftMs = hold.record.expiresAt.getTime() - context.clock.now()
    await hold.handOver({
      reservations: [{ subject: { owner: record.owner }, bytes }],
      ...(isUsed ? { ttlMs: Math.max(1, Math.min(leftMs, USED_PART_TTL_MS)) } : {}),
    })
  } finally {
    hold.release()
  }
}

function distinct(parts: readonly OpenUpload[]): readonly OpenUpload[] {
  return [...new Map(parts.map((part) => [part.record.id, part])).values()]
}

/** @throws MediaError MEDIA_CONFLICT `upload-incomplete` */
export function checkFinished({ record, data }: OpenUpload): void {
  if (data.partial && data.sizeBytes !== undefined && record.offsetBytes === data.sizeBytes) return
  throw new MediaError('MEDIA_CONFLICT', 'a part of the upload is not finished', {
    reason: 'upload-incomplete',
  })
}

async function* bytesOf(context: UploadContext, parts: readonly OpenUpload[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    const { sizeBytes = 0 } = part.data
    if (sizeBytes === 0) continue
    const whole = await openWhole(context, part, sizeBytes)
    yield* (whole.kind === 'one' ? whole.body.open() : whole.stream) as AsyncIterable<Uint8Array>
  }
}
