import type { BodyDigester } from '../cas/body-digest.ts'
import type { Body } from '../contracts/bytes.ts'
import type { PartialWriter } from '../contracts/object-store.ts'
import type { AppendOptions } from '../contracts/uploads.ts'
import { RESERVE_STEP_BYTES, TELL_EVERY_BYTES } from '../defaults.ts'
import { uploadTooLarge } from '../errors/entity-too-large.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { quotaReservation, roomReservation } from '../ingest/session.ts'
import { maxBytesOf } from '../validation/policies.ts'
import { type Completed, completeHeld } from './complete.ts'
import type { UploadContext } from './context.ts'
import { createFirstBytes } from './first-bytes.ts'
import type { Hold } from './hold.ts'
import { openPart } from './open-part.ts'
import { openPiece } from './write-piece.ts'

/**
 * Adds a piece at the end of an upload that is held, and lets go of it. What arrived is durable when this ends, however it ends.
 * @returns what it became, where it was completed with this piece
 */
export async function appendPiece(
  context: UploadContext,
  hold: Hold,
  body: Body,
  options: AppendOptions,
  signal: AbortSignal,
): Promise<Completed | undefined> {
  const piece = await openPiece(body, { checksum: options.checksum })
  let taken = false
  try {
    const target = targetOf(context, hold, options)
    const { volume, partials } = await context.spools.at(hold.data.volumeId)
    const startBytes = hold.record.offsetBytes
    const room = createRoom(context, hold, volume)
    if (target.sizeBytes === undefined) await room.grow(startBytes + (options.pieceBytes ?? 0))
    else await room.reserve(target.sizeBytes)
    const { writer, part } = await openPart(hold, partials, {
      ...(target.sizeBytes === undefined ? {} : { sizeBytes: target.sizeBytes }),
    })
    const receiver = createPieceReceiver(context, hold, {
      ...target,
      partStartBytes: part.startBytes,
      startBytes,
      room,
      writer,
      options,
    })
    taken = true
    const { complete = false } = options
    const isLast = (): boolean =>
      complete !== false && !hold.data.partial && receiver.offsetBytes() === target.sizeBytes
    try {
      await piece.read((chunk) => receiver.write(chunk), signal)
      if (isLast() && typeof complete === 'function') await asked(hold, complete)
      await receiver.finish()
    } finally {
      await receiver.close()
    }
    const { digester } = receiver
    const offsetBytes = receiver.offsetBytes()
    if (isLast())
      return await completeHeld(context, hold, { offsetBytes, signal, call: options.context, digester })
    await hold.handOver({
      offsetBytes,
      state: offsetBytes === target.sizeBytes ? 'received' : 'receiving',
      data: { isWriting: false },
      // What brings nothing keeps nothing alive.
      ...(offsetBytes > startBytes ? { ttlMs: hold.data.ttlMs } : {}),
    })
    // Only now: another process may have written other bytes up to here, and the row would then have refused us.
    if (receiver.digester !== undefined) context.digests.keep(hold.token.id, receiver.digester)
    return undefined
  } finally {
    if (!taken) piece.discard()
  }
}

/** Whether the whole may become a media. However long that takes, the upload stays ours. */
async function asked(hold: Hold, mayComplete: () => Promise<void>): Promise<void> {
  const stop = hold.keepAlive()
  hold.beWorking()
  try {
    await mayComplete()
  } finally {
    stop()
  }
}

interface Target {
  /** Of the whole, where it is known by now. */
  readonly sizeBytes: number | undefined
  readonly maxBytes: number
}

/** @throws MediaError what the place or the length of the piece make impossible */
function targetOf(context: UploadContext, hold: Hold, options: AppendOptions): Target {
  const { offsetBytes } = hold.record
  const known = hold.data.sizeBytes
  if (hold.data.door === 'chunked')
    throw new MediaError('MEDIA_CONFLICT', 'this upload comes in chunks', { reason: 'other-door' })
  if (options.offsetBytes !== offsetBytes)
    throw new MediaError(
      'MEDIA_CONFLICT',
      `the upload has ${offsetBytes} bytes, the piece begins at ${options.offsetBytes}`,
      { reason: 'offset-mismatch' },
    )
  if (options.sizeBytes !== undefined && known !== undefined && known !== options.sizeBytes)
    throw new MediaError('MEDIA_CONFLICT', 'the length of this upload is known already', {
      reason: 'size-known',
    })
  const sizeBytes = known ?? options.sizeBytes
  const maxBytes = maxBytesOf(context)
  const mostBytes = sizeBytes ?? maxBytes
  if (sizeBytes !== undefined && sizeBytes > maxBytes) throw uploadTooLarge(maxBytes)
  if (sizeBytes !== undefined && sizeBytes < offsetBytes)
    throw new MediaError('MEDIA_CONFLICT', `the upload has ${offsetBytes} bytes already`, {
      reason: 'size-mismatch',
    })
  if (offsetBytes + (options.pieceBytes ?? 0) > mostBytes) throw uploadTooLarge(mostBytes)
  return { sizeBytes, maxBytes: mostBytes }
}

interface Room {
  /** Reserves it on the volume and of the quota where that was not done when the upload was created. */
  grow(bytes: number): Promise<void>
  /** Exactly so much, once the length is known. */
  reserve(bytes: number): Promise<void>
}

function createRoom(context: UploadContext, hold: Hold, volume: Parameters<typeof roomReservation>[0]): Room {
  const { record, data } = hold
  const quotaBytes = context.quotaOf(record.namespace, record.owner)
  let reservedBytes = data.sizeBytes ?? record.offsetBytes
  const reserve = async (bytes: number): Promise<void> => {
    await hold.save({
      reservations: [...roomReservation(volume, bytes), ...quotaReservation(record.owner, bytes, quotaBytes)],
    })
    reservedBytes = bytes
  }
  const isDue = (bytes: number): boolean =>
    bytes > reservedBytes && (volume.capacityBytes !== undefined || quotaBytes !== undefined)
  return {
    async reserve(bytes) {
      if (isDue(bytes)) await reserve(bytes)
    },
    async grow(bytes) {
      if (!isDue(bytes)) return
      try {
        await reserve(bytes + RESERVE_STEP_BYTES)
      } catch (error) {
        // Near a limit there is no room for a whole step; for what comes now there may be.
        if (!isMediaError(error, 'MEDIA_QUOTA') && !isMediaError(error, 'MEDIA_NO_SPACE')) throw error
        await reserve(bytes)
      }
    },
  }
}

interface PieceTarget extends Target {
  readonly partStartBytes: number
  /** Where the piece begins. */
  readonly startBytes: number
  readonly room: Room
  readonly writer: PartialWriter
  readonly options: AppendOptions
}

interface PieceReceiver {
  /** Of the whole, with what this piece brought so far. */
  offsetBytes(): number
  /** Has seen all of it, where this process wrote all of it. */
  readonly digester: BodyDigester | undefined
  write(chunk: Uint8Array): Promise<void>
  /** The piece is whole and good: it counts. */
  finish(): Promise<void>
  /** Closes the part. Where the piece was not finished, what counts of it is written to the row, and the upload let go. */
  close(): Promise<void>
}

function createPieceReceiver(context: UploadContext, hold: Hold, target: PieceTarget): PieceReceiver {
  const { options, startBytes, writer, room } = target
  const { id } = hold.token
  // A piece with a checksum counts whole or not at all.
  const counts = options.checksum === undefined ? 'as-it-comes' : 'whole'
  const known: BodyDigester | undefined = context.digests.take(id, startBytes)
  const digester = counts === 'whole' ? known?.fork() : known
  let offsetBytes = startBytes
  let finished = false
  const first = createFirstBytes(context, hold, startBytes === 0 && !hold.data.partial)

  /** What the row tells by now, or will when its next change is written. */
  let toldBytes = startBytes
  const beat = async (): Promise<void> => {
    toldBytes = offsetBytes
    if (counts === 'whole') return hold.save({ leaseMs: context.limits.leaseMs })
    await writer.sync()
    await hold.save({ leaseMs: context.limits.leaseMs, offsetBytes, ttlMs: hold.data.ttlMs })
  }

  return {
    offsetBytes: () => offsetBytes,
    digester,
    async write(chunk) {
      if (chunk.byteLength === 0) return
      hold.touch()
      const endBytes = offsetBytes + chunk.byteLength
      if (endBytes > target.maxBytes) throw uploadTooLarge(target.maxBytes)
      await room.grow(endBytes)
      await first.take(chunk)
      await writer.write(chunk, offsetBytes - target.partStartBytes)
      digester?.update(chunk)
      offsetBytes = endBytes
      if (hold.isDue() || offsetBytes - toldBytes >= TELL_EVERY_BYTES) await beat()
      options.onProgress?.(offsetBytes)
    },
    async finish() {
      if (offsetBytes === target.sizeBytes) await first.end(true)
      await writer.sync()
      finished = true
    },
    async close() {
      if (finished) return writer.close()
      const keptBytes = await keepWhatCame()
      if (first.isRejected()) return
      const isKnown = counts === 'whole' ? known : digester
      const isWritten = await hold.letGo({
        offsetBytes: keptBytes,
        data: { isWriting: false },
        ...(keptBytes > startBytes ? { ttlMs: hold.data.ttlMs } : {}),
      })
      if (isWritten && isKnown?.sizeBytes() === keptBytes) context.digests.keep(id, isKnown)
    },
  }

  async function keepWhatCame(): Promise<number> {
    try {
      if (counts === 'whole' || first.isRejected()) return hold.record.offsetBytes
      // A disk that is full took some of it all the same.
      const salvagedTo = await writer.salvage?.()
      if (salvagedTo !== undefined)
        return Math.max(hold.record.offsetBytes, target.partStartBytes + salvagedTo)
      await writer.sync()
      return offsetBytes
    } catch {
      // Told already by what ended the piece, or by the next one: here only what is durable counts.
      return hold.record.offsetBytes
    } finally {
      await writer.close().catch(() => {})
    }
  }
}
