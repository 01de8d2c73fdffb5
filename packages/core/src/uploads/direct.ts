import { digestOf } from '../bytes/digest.ts'
import { isId, withDashes } from '../bytes/id.ts'
import { isPhysicalKey, physicalKey } from '../cas/physical-key.ts'
import type { ObjectHead, ObjectStore, SignedRequest } from '../contracts/object-store.ts'
import type { CreateUpload } from '../contracts/uploads.ts'
import { entityTooLarge } from '../errors/entity-too-large.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { Intake } from '../ingest/intake.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import type { Place } from '../tiering/places.ts'
import type { Volume } from '../tiering/volume.ts'
import type { Completed } from './complete.ts'
import type { OpenUpload, UploadContext } from './context.ts'
import type { Hold } from './hold.ts'
import { planParts } from './plan-parts.ts'
import { isEnded } from './snapshot.ts'
import type { DirectPartsData } from './upload-data.ts'

/**
 * Uploads whose bytes go straight to a bucket. The address binds length and digest, and, where the bucket is known to enforce it, that
 * the key is free: then nobody can write over what was looked at, and the object is taken as it lies. Everywhere else its bytes are
 * read once and kept under another key. What comes in parts is completed by us, after which no address writes to it: taken as it lies.
 */

/** Where a body goes, and whether in parts. */
export interface DirectPlan {
  readonly volume: Volume
  readonly parts: DirectPartsData | undefined
}

/**
 * The nearest volume whose store signs addresses, of parts where parts are asked for.
 * @throws MediaError MEDIA_UNSUPPORTED `direct-unsupported`; as `planParts`
 */
export function planDirect(
  places: readonly Place[],
  options: Pick<CreateUpload, 'parts' | 'partBytes' | 'sizeBytes'>,
): DirectPlan {
  const isAsked = options.parts === 'exact' || options.parts === 'any'
  const place = places.find(({ volume: { store } }) =>
    isAsked ? store.directParts !== undefined : store.presign !== undefined,
  )
  if (place !== undefined) return { volume: place.volume, parts: planParts(place.volume.store, options) }
  throw new MediaError('MEDIA_UNSUPPORTED', 'no volume of this store takes bodies from senders themselves', {
    reason: 'direct-unsupported',
  })
}

/** Told by the id of the session, so that a notification of the bucket finds it. */
export function directKey(sessionId: string): string {
  return physicalKey(digestOf(Buffer.from(sessionId)), placementIdOf(sessionId))
}

/** The other way round; `undefined` for keys of no direct upload. */
export function sessionOfKey(key: string): string | undefined {
  if (!isPhysicalKey(key)) return undefined
  const id = withDashes(key.slice(key.indexOf('.') + 1))
  return isId(id) && directKey(id) === key ? id : undefined
}

function placementIdOf(sessionId: string): string {
  return sessionId.replaceAll('-', '')
}

/** @throws MediaError MEDIA_CONFLICT `upload-ended`, MEDIA_GONE `upload-expired` */
export function checkGoesOn({ clock }: UploadContext, record: OpenUpload['record']): void {
  if (isEnded(record.state)) throw conflict('upload-ended', 'this upload has ended')
  if (record.expiresAt.getTime() <= clock.now())
    throw new MediaError('MEDIA_GONE', 'the time of this upload is over', { reason: 'upload-expired' })
}

/** What the sender asks the bucket. */
export async function signDirect(
  context: UploadContext,
  { record, data }: OpenUpload,
): Promise<SignedRequest> {
  const { direct, sizeBytes, options } = data
  checkGoesOn(context, record)
  const { store } = await volumeOf(context, data.volumeId)
  if (direct === undefined || direct.parts !== undefined || store.presign === undefined)
    throw conflict('other-door', 'this upload does not go to a bucket')
  return store.presign(direct.key, {
    method: 'PUT',
    expiresAt: record.expiresAt,
    exact: {
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
      ...(options.digest === undefined ? {} : { sha256: options.digest }),
      ...(isWrittenOnce(store) ? { ifAbsent: true } : {}),
    },
  })
}

/** Reads the object that came, and has it put as any other body. */
export async function completeDirect(
  context: UploadContext,
  hold: Hold,
  signal: AbortSignal,
  put: (intake: Intake) => Promise<Completed>,
): Promise<Completed> {
  const { data, token } = hold
  const volume = await volumeOf(context, data.volumeId)
  const { store } = volume
  const { key, parts } = data.direct ?? { key: directKey(token.id), parts: undefined }
  const reading = async (
    intakeOf: (stream: AsyncIterable<Uint8Array>, head: ObjectHead) => Intake,
  ): Promise<Completed> => {
    const reader = await store.get(key, { signal, context: { cause: 'write' } })
    if (reader === undefined) throw conflict('upload-incomplete', 'the object has not come yet')
    try {
      checkSize(reader.head.sizeBytes, data.sizeBytes)
      return await put(intakeOf(reader.stream() as AsyncIterable<Uint8Array>, reader.head))
    } finally {
      await reader[Symbol.asyncDispose]()
    }
  }
  const copied = (): Promise<Completed> =>
    reading((stream, { sizeBytes }) => ({ kind: 'stream', stream, sizeBytes }))
  const placementId = placementIdOf(token.id)
  const inPlace = (): Promise<Completed> =>
    reading((stream, head) => ({
      kind: 'placed',
      stream,
      sizeBytes: head.sizeBytes,
      object: { volume, placementId, key, publish: async () => head },
    }))
  // Nobody has an address any more by which the object of an upload in parts could be written.
  const completed = await (parts !== undefined || isWrittenOnce(store)
    ? inPlace().catch((error: unknown) => {
        // An earlier try has staged it, and could not commit: its row goes with the session.
        if (isMediaError(error, 'MEDIA_CONFLICT') && error.reason === 'placement-taken') return copied()
        throw error
      })
    : copied())
  if (parts === undefined) context.wroteElsewhere(volume, 'put', 1, completed.media.sizeBytes)
  if (completed.ownKey !== key) await dropObject(context, hold)
  return completed
}

/** The object is nobody's: what cannot be deleted now is found as an orphan. */
export async function dropObject(context: UploadContext, { data }: OpenUpload): Promise<void> {
  if (data.direct === undefined) return
  try {
    const { store } = await volumeOf(context, data.volumeId)
    if (data.direct.parts !== undefined)
      await store.directParts?.abort(data.direct.key, { context: { cause: 'gc' } })
    await store.delete(data.direct.key, { context: { cause: 'gc' } })
  } catch (error) {
    if (!isMediaError(error)) throw error
    tellUpkeepFailed(context, 'remove-parts', toFailure(error))
  }
}

function isWrittenOnce({ traits }: ObjectStore): boolean {
  return traits.conditionalPut === 'enforced'
}

export async function volumeOf({ volumes }: UploadContext, volumeId: string): Promise<Volume> {
  const volume = volumes.byId(volumeId)
  if (volume === undefined)
    throw new MediaError('MEDIA_UNAVAILABLE', 'the bucket of this upload is not one of this host', {
      reason: 'volume-elsewhere',
    })
  await volume.checkOnline()
  return volume
}

function checkSize(sizeBytes: number, toldBytes: number | undefined): void {
  if (toldBytes === undefined || sizeBytes === toldBytes) return
  const message = `the object has ${sizeBytes} bytes, ${toldBytes} were told`
  if (sizeBytes > toldBytes) throw entityTooLarge(message)
  throw new MediaError('MEDIA_BAD_INPUT', message, { reason: 'size-mismatch' })
}

export function conflict(reason: string, message: string): MediaError {
  return new MediaError('MEDIA_CONFLICT', message, { reason })
}
