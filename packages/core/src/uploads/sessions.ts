import { uploadStateOf } from '../catalog/verdicts.ts'
import type { Call } from '../contracts/call.ts'
import type { Media } from '../contracts/media.ts'
import type { Upload, UploadSessions } from '../contracts/uploads.ts'
import { ENDED_UPLOAD_TTL_MS, MAX_UPLOAD_PARTS } from '../defaults.ts'
import { uploadTooLarge } from '../errors/entity-too-large.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { discardIntake, toIntake } from '../ingest/intake.ts'
import { maxBytesOf } from '../validation/policies.ts'
import { appendPiece } from './append.ts'
import { completeHeld, forgetBytes, receiveHeld } from './complete.ts'
import { checkFinished, concatenateHeld } from './concatenate.ts'
import type { OpenUpload, UploadContext } from './context.ts'
import { createUpload } from './create.ts'
import { dropObject, sessionOfKey, signDirect } from './direct.ts'
import { beginParts, listParts, signParts } from './direct-parts.ts'
import { type Hold, uploadEnded } from './hold.ts'
import { putChunk } from './put-chunk.ts'
import { isEnded, uploadOf } from './snapshot.ts'
import { decodeData } from './upload-data.ts'
import { formatUploadId, isSameSecret, parseUploadId } from './upload-id.ts'

/** Runs work as a call under way of the store: it ends with the caller's signal, the deadline, or the store's close. */
export type RunCall = <T>(call: Call, work: (signal: AbortSignal) => Promise<T>) => Promise<T>

/** Uploads as one namespace sees them. */
export function createUploads(
  context: UploadContext,
  namespace: string,
  run: { readonly upload: RunCall; readonly call: RunCall },
): UploadSessions {
  const { catalog, holds, clock } = context

  const look = async (sessionId: string): Promise<OpenUpload | undefined> => {
    const record = await catalog.getSession(sessionId)
    if (record?.namespace !== namespace) return undefined
    return { record, data: decodeData(record.declared) }
  }
  /** By an id that is whole. */
  const find = async (id: string): Promise<OpenUpload | undefined> => {
    const parsed = parseUploadId(id)
    const found = parsed === undefined ? undefined : await look(parsed.sessionId)
    if (parsed === undefined || found === undefined) return undefined
    return isSameSecret(found.data.secret, parsed.secret) ? found : undefined
  }
  const need = async (id: string): Promise<OpenUpload> => {
    const found = await find(id)
    if (found === undefined)
      throw new MediaError('MEDIA_ABSENT', 'there is no such upload', { reason: 'unknown' })
    return found
  }
  const told = async (upload: OpenUpload): Promise<Upload> => {
    const { state, mediaId } = upload.record
    if (state !== 'scanning' || mediaId === undefined) return uploadOf(upload, clock.now())
    // Committed before it was looked at: what came of that stands in the media, and a media that was deleted was given up.
    const media = await catalog.get(namespace, mediaId)
    const now = media === undefined ? 'aborted' : uploadStateOf(media.content.state)
    return uploadOf({ ...upload, record: { ...upload.record, state: now } }, clock.now())
  }
  /** As it is now, also when it has ended meanwhile. */
  const again = async (upload: OpenUpload): Promise<Upload> => told((await look(upload.record.id)) ?? upload)
  const mediaOf = async (upload: OpenUpload): Promise<Media> => {
    const { mediaId } = upload.record
    const record = mediaId === undefined ? undefined : await catalog.get(namespace, mediaId)
    if (record === undefined)
      throw new MediaError('MEDIA_GONE', 'the media of this upload was deleted', { reason: 'media-gone' })
    return context.snapshotOf(record)
  }
  /** An upload that ended under its sender, in whatever process, is the reason why a lease or the place of its bytes was lost. */
  const unlessEnded = async <T>(sessionId: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (!isLoss(error)) throw error
      const now = await look(sessionId)
      if (now !== undefined && isEnded(now.record.state)) throw uploadEnded()
      // The sender asked for nothing wrong: what is there is told, and it goes on from there.
      throw isMediaError(error, 'MEDIA_LEASE_LOST') ? error : uploadTaken(error)
    }
  }
  const holding = async <T>(
    id: string,
    signal: AbortSignal,
    work: (hold: Hold, signal: AbortSignal) => Promise<T>,
  ): Promise<T> =>
    unlessEnded(id, async () => {
      const hold = await holds.take(id, { signal })
      try {
        return await work(hold, AbortSignal.any([signal, hold.signal]))
      } finally {
        try {
          await hold.letGo()
        } finally {
          hold.release()
        }
      }
    })

  const sessions: UploadSessions = {
    maxBytes: maxBytesOf(context),
    async list() {
      const all = await catalog.listSessions(namespace)
      return all.map(({ id, owner, offsetBytes, expiresAt, declared }) => {
        const { upload } = declared
        const about = typeof upload === 'object' ? decodeData(declared) : declared
        const sizeBytes = about['sizeBytes']
        return {
          id,
          owner,
          receivedBytes: offsetBytes,
          expiresAt,
          ...(typeof sizeBytes === 'number' ? { declaredBytes: sizeBytes } : {}),
        }
      })
    },
    create: (options) =>
      run.call(options, async (signal) => {
        const upload = await createUpload(context, namespace, options)
        if (upload.data.direct?.parts !== undefined) await beginOrAbort(context, upload, signal)
        return told(upload)
      }),
    get: (id, options = {}) =>
      run.call(options, async (signal) => {
        const found = await find(id)
        if (found === undefined) return undefined
        // Who asks for the offset is to go on behind it. Of other doors the question is one for progress, and ends nobody.
        if (found.data.door === 'tus') await holds.settle(found.record.id, signal)
        return again(found)
      }),
    ofMedia: (mediaId, options = {}) =>
      run.call(options, async () => {
        const found = await look(mediaId)
        return found === undefined ? undefined : told(found)
      }),
    append: (id, body, options) =>
      run.upload(options, async (signal) => {
        const found = await need(id)
        const completed = await holding(found.record.id, signal, (hold, until) =>
          appendPiece(context, hold, body, options, until),
        )
        return { ...(await again(found)), ...completed }
      }),
    putChunk: (id, body, options) =>
      run.upload(options, async (signal) => {
        const found = await need(id)
        await unlessEnded(found.record.id, async () => {
          const hold = await holds.take(found.record.id, { signal, shared: true })
          await putChunk(context, hold, body, options, AbortSignal.any([signal, hold.signal]))
        })
        return again(found)
      }),
    receive: (id, body, options = {}) =>
      run.upload(options, async (signal) => {
        const found = await need(id)
        return holding(found.record.id, signal, async (hold, until) => {
          const { bodyBytes, onProgress, context: call } = options
          const intake = await toIntake(body)
          try {
            checkUnbegun(hold)
            checkLength(hold, intake.kind === 'bytes' ? intake.bytes.byteLength : bodyBytes)
          } catch (error) {
            discardIntake(intake)
            throw error
          }
          const { media } = await receiveHeld(context, hold, intake, { signal: until, call, onProgress })
          return media
        })
      }),
    complete: (id, options = {}) =>
      run.upload(options, async (signal) => {
        const found = await need(id)
        if (found.record.mediaId !== undefined) return mediaOf(found)
        try {
          return await holding(found.record.id, signal, async (hold, until) => {
            const { offsetBytes } = hold.record
            checkWhole(hold)
            const { context: call, parts } = options
            const completing = { offsetBytes, signal: until, call, parts }
            return (await completeHeld(context, hold, completing)).media
          })
        } catch (error) {
          // Another request completed it first.
          const now = isEndedElsewhere(error) ? await look(found.record.id) : undefined
          if (now?.record.mediaId !== undefined) return mediaOf(now)
          throw now === undefined ? error : whyEnded(now, error)
        }
      }),
    concatenate: (id, ids, options = {}) =>
      run.upload(options, async (signal) => {
        const found = await need(id)
        if (ids.length === 0 || ids.length > MAX_UPLOAD_PARTS)
          throw new MediaError('MEDIA_BAD_INPUT', `an upload has 1 to ${MAX_UPLOAD_PARTS} parts`, {
            reason: 'bad-parts',
          })
        const parts: OpenUpload[] = []
        for (const partId of ids) {
          const part = await need(partId)
          if (part.record.owner !== found.record.owner)
            throw new MediaError('MEDIA_ABSENT', 'there is no such upload', { reason: 'unknown' })
          checkFinished(part)
          parts.push(part)
        }
        await holding(found.record.id, signal, (hold, until) => {
          checkUnbegun(hold)
          return concatenateHeld(context, hold, parts, { signal: until, call: options.context })
        })
        return again(found)
      }),
    address: (id, options = {}) => run.call(options, async () => signDirect(context, await need(id))),
    signParts: (id, numbers, options = {}) =>
      run.call(options, async (signal) => signParts(context, await need(id), numbers, signal)),
    listParts: (id, options = {}) =>
      run.call(options, async (signal) => listParts(context, await need(id), signal)),
    arrived: async (objectKey, options = {}) => {
      const sessionId = sessionOfKey(objectKey)
      const found = sessionId === undefined ? undefined : await look(sessionId)
      if (found?.data.direct?.key !== objectKey || isEnded(found.record.state)) return undefined
      return sessions.complete(formatUploadId(found.record.id, found.data.secret), options)
    },
    abort: (id, options = {}) =>
      run.call(options, async (signal) => {
        const found = await find(id)
        if (found === undefined || isEnded(found.record.state)) return false
        return abortUpload(context, found, signal)
      }),
  }
  return sessions
}

/** The row stands by now and tells of it: what the bucket begins is paid for until somebody ends it. */
async function beginOrAbort(context: UploadContext, upload: OpenUpload, signal: AbortSignal): Promise<void> {
  try {
    await beginParts(context, upload)
  } catch (error) {
    await abortUpload(context, upload, signal)
    throw error
  }
}

/** Ends it for whoever may be writing; what somebody is just committing wins. */
async function abortUpload(
  context: UploadContext,
  { record, data }: OpenUpload,
  signal: AbortSignal,
): Promise<boolean> {
  await context.holds.stop(record.id, signal)
  try {
    const { id, fence } = await context.catalog.claimSession(record.id, {
      leaseMs: context.limits.leaseMs,
      force: true,
    })
    await context.catalog.endSession(
      { id, fence },
      { state: 'aborted', declared: record.declared, ttlMs: ENDED_UPLOAD_TTL_MS },
    )
  } catch (error) {
    if (isEndedElsewhere(error) || isMediaError(error, 'MEDIA_LEASE_LOST')) return false
    if (isMediaError(error, 'MEDIA_ABSENT') || isMediaError(error, 'MEDIA_GONE')) return false
    throw error
  }
  await forgetBytes(context, { record, data })
  await dropObject(context, { record, data })
  return true
}

function isLoss(error: unknown): boolean {
  return (
    isMediaError(error, 'MEDIA_LEASE_LOST') ||
    (isMediaError(error, 'MEDIA_BAD_INPUT') && error.reason === 'staging-ended')
  )
}

function uploadTaken(cause: unknown): MediaError {
  return new MediaError('MEDIA_LEASE_LOST', 'another request took this upload over; ask where it stands', {
    reason: 'upload-taken',
    cause,
  })
}

function isEndedElsewhere(error: unknown): boolean {
  return isMediaError(error, 'MEDIA_CONFLICT') && error.reason === 'upload-ended'
}

/** What a second call is told of an upload that was rejected: the same as the first. */
function whyEnded({ data, record }: OpenUpload, error: unknown): unknown {
  if (record.state !== 'rejected' || data.error === undefined) return error
  return new MediaError('MEDIA_CONFLICT', `the upload was rejected: ${data.error.message}`, {
    reason: 'upload-rejected',
    cause: error,
  })
}

function checkUnbegun({ record, data }: Hold): void {
  if (record.offsetBytes === 0 && (data.chunks ?? []).every((part) => part < 0)) return
  throw new MediaError('MEDIA_CONFLICT', 'pieces of this upload have come already', {
    reason: 'upload-begun',
  })
}

function checkLength({ data }: Hold, bodyBytes: number | undefined): void {
  const { sizeBytes } = data
  if (bodyBytes === undefined || sizeBytes === undefined || bodyBytes === sizeBytes) return
  if (bodyBytes > sizeBytes) throw uploadTooLarge(sizeBytes)
  throw new MediaError('MEDIA_BAD_INPUT', `the body has ${bodyBytes} of ${sizeBytes} bytes`, {
    reason: 'incomplete-body',
  })
}

function checkWhole({ data }: Hold): void {
  if (!data.partial) return
  throw new MediaError('MEDIA_CONFLICT', 'a part of an upload is no media by itself', {
    reason: 'partial-upload',
  })
}
