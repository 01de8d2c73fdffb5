import type { Reservation } from '../contracts/catalog.ts'
import { ENDED_UPLOAD_TTL_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { type PutSession, quotaReservation, roomReservation } from '../ingest/session.ts'
import type { UploadContext } from './context.ts'
import type { Hold } from './hold.ts'
import { encodeData } from './upload-data.ts'

/**
 * What a put needs of a session, by one that an upload holds: it is committed with the media, and stays to be told of.
 * @param tell writes to the row that the bytes are looked at: once they are whole, or now where `isWhole`
 */
export function putSessionOf(
  context: UploadContext,
  hold: Hold,
  { isWhole, tell }: { readonly isWhole: boolean; readonly tell: () => Promise<void> },
): PutSession {
  let told = isWhole ? tell() : undefined
  const { record, data } = hold
  const quotaBytes = context.quotaOf(record.namespace, record.owner)
  let ownedBytes = data.sizeBytes ?? 0
  let roomOn = data.volumeId

  return {
    id: record.id,
    begun: () => hold.token,
    told: () => told,
    onWhole() {
      told ??= tell()
    },
    plan() {
      throw new MediaError('MEDIA_LEASE_LOST', 'the upload has no session', { reason: 'no-session' })
    },
    adopted() {},
    begin: async () => undefined,
    async reserveOn(volume, sizeBytes = data.sizeBytes ?? 0) {
      const moved: readonly Reservation[] =
        roomOn === volume.id ? [] : [{ subject: { volumeId: roomOn }, bytes: 0 }]
      await hold.save({ reservations: [...roomReservation(volume, sizeBytes), ...moved] })
      roomOn = volume.id
    },
    onReceived() {
      hold.touch()
      return hold.isDue() ? hold.save({ leaseMs: context.limits.leaseMs }) : undefined
    },
    end: async () => {},
    committed: () => hold.committed(),
    async own(sizeBytes) {
      if (quotaBytes === undefined || ownedBytes >= sizeBytes) return
      await hold.save({ reservations: quotaReservation(record.owner, sizeBytes, quotaBytes) })
      ownedBytes = sizeBytes
    },
    mediaId: data.mediaId,
    kept: () => ({
      declared: encodeData({ ...hold.data, isWriting: false, completedAtMs: context.clock.now() }),
      ttlMs: ENDED_UPLOAD_TTL_MS,
    }),
  }
}
