import { Readable } from 'node:stream'
import { bodyTooLarge } from '../errors/entity-too-large.ts'
import { MediaError } from '../errors/media-error.ts'
import { quotaReservation, roomReservation } from '../ingest/session.ts'
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
  await hold.save({
    offsetBytes: 0,
    data: { sizeBytes },
    reservations: [
      ...roomReservation(volume, sizeBytes),
      ...quotaReservation(owner, sizeBytes, context.quotaOf(namespace, owner)),
    ],
  })
  const stream = Readable.from(bytesOf(context, parts), { objectMode: false })
  return receiveHeld(context, hold, { kind: 'stream', stream, sizeBytes }, completing)
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
