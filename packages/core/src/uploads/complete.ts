import type { BodyDigester } from '../cas/body-digest.ts'
import type { CallContext } from '../contracts/call.ts'
import type { Media } from '../contracts/media.ts'
import type { CompleteOptions } from '../contracts/uploads.ts'
import { ENDED_UPLOAD_TTL_MS } from '../defaults.ts'
import { entityTooLarge } from '../errors/entity-too-large.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { Intake } from '../ingest/intake.ts'
import { type PutProgress, putIntake } from '../ingest/put.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import type { OpenUpload, UploadContext } from './context.ts'
import { requestOf } from './create.ts'
import { completeDirect, dropObject } from './direct.ts'
import { completeParts } from './direct-parts.ts'
import type { Hold } from './hold.ts'
import { openWhole, removeParts } from './parts.ts'
import { putSessionOf } from './put-session.ts'
import { digestIdOf } from './running-digests.ts'

export interface Completed {
  readonly media: Media
  /** Of the placement that its bytes were kept under, where they were not there already. */
  readonly ownKey: string | undefined
}

export interface Completing {
  readonly signal: AbortSignal
  readonly call: CallContext | undefined
  readonly onProgress?: ((receivedBytes: number) => void) | undefined
  /** Of `direct` in parts: what its sender believes to be there. */
  readonly parts?: CompleteOptions['parts']
}

/**
 * Checks the whole and makes the media of an upload that is held; it is let go in any case. What a check refuses is rejected for good;
 * after any other failure it may be completed again.
 */
export async function completeHeld(
  context: UploadContext,
  hold: Hold,
  completing: Completing & {
    readonly offsetBytes: number
    readonly digester?: BodyDigester | undefined
  },
): Promise<Completed> {
  const { offsetBytes, signal, call } = completing
  const { sizeBytes, direct } = hold.data
  hold.beWorking()
  if (direct !== undefined)
    return ending(context, hold, { receivedBytes: 0, call }, async (progress) => {
      if (direct.parts !== undefined) await completeParts(context, hold, completing.parts, signal)
      return completeDirect(context, hold, signal, (intake) =>
        putHeld(context, hold, intake, { signal, call }, progress),
      )
    })
  return ending(context, hold, { receivedBytes: offsetBytes, call }, async (progress) => {
    if (sizeBytes === undefined || offsetBytes !== sizeBytes) throw incomplete(offsetBytes, sizeBytes)
    const whole = await openWhole(context, hold, sizeBytes)
    const kept = context.digests.take(digestIdOf(hold), sizeBytes)
    const digester = completing.digester ?? kept
    const intake: Intake =
      whole.kind === 'one'
        ? { kind: 'staged', body: whole.body, summary: digester?.finish() }
        : { kind: 'stream', stream: whole.stream, sizeBytes }
    return putHeld(context, hold, intake, { signal, call, offsetBytes }, progress)
  })
}

/** Makes the media of a body that comes now, whole. */
export async function receiveHeld(
  context: UploadContext,
  hold: Hold,
  intake: Intake,
  completing: Completing,
): Promise<Completed> {
  return ending(context, hold, { receivedBytes: 0, call: completing.call }, async (progress) => {
    try {
      return await putHeld(context, hold, intake, completing, progress)
    } catch (error) {
      throw isMediaError(error, 'MEDIA_BAD_INPUT') && error.reason === 'size-mismatch'
        ? entityTooLarge('the body is longer than the upload takes', error)
        : error
    }
  })
}

async function putHeld(
  context: UploadContext,
  hold: Hold,
  intake: Intake,
  { signal, call, onProgress, offsetBytes }: Completing & { readonly offsetBytes?: number },
  progress: PutProgress,
): Promise<Completed> {
  const startedMs = context.clock.now()
  const isScanned = context.scanning.isOn && context.scanning.mode === 'sync'
  // Not waited for here: it travels with the row of the placement, and bytes are published after both.
  const tell = (): Promise<void> => {
    hold.beWorking()
    const told = hold.save({
      leaseMs: context.limits.leaseMs,
      state: isScanned ? 'scanning' : 'verifying',
      // From here on the bytes may have a second name: whoever goes on after us must not write them once more.
      ...(offsetBytes === undefined ? {} : { offsetBytes }),
      isPassing: true,
      data: { isWriting: false },
    })
    told.catch(() => {}) // told to whoever publishes
    return told
  }
  const request = { ...requestOf(hold), ...(onProgress === undefined ? {} : { onProgress }) }
  // What comes only now is looked at when it is whole.
  const isWhole = offsetBytes !== undefined || hold.data.direct !== undefined
  const session = putSessionOf(context, hold, { isWhole, tell })
  const either = AbortSignal.any([signal, hold.signal])
  const outcome = await putIntake(context, context.digestLock, request, intake, session, either, progress)
  const media = await context.committed(outcome, { startedMs, door: hold.data.door, ...contextOf(call) })
  await forgetBytes(context, hold)
  return { media, ownKey: outcome.ownKey }
}

/** Lets the upload go when `work` ends: whole, rejected for good, or to be tried again. */
async function ending<T>(
  context: UploadContext,
  hold: Hold,
  {
    receivedBytes: offsetBytes,
    call,
  }: { readonly receivedBytes: number; readonly call: CallContext | undefined },
  work: (progress: PutProgress) => Promise<T>,
): Promise<T> {
  const stop = hold.keepAlive()
  const progress: PutProgress = { receivedBytes: offsetBytes }
  try {
    return await work(progress)
  } catch (error) {
    if (isMediaError(error) && isFinal(error)) await rejectHeld(context, hold, error, progress, call)
    else {
      const isWhole = offsetBytes > 0 && offsetBytes === hold.data.sizeBytes
      const state = isWhole ? 'received' : offsetBytes === 0 ? 'created' : 'receiving'
      await hold.letGo({ offsetBytes, state, data: { isWriting: false } })
    }
    throw error
  } finally {
    stop()
  }
}

/** The upload ends: no other try with these bytes could be better. Its bytes and reservations go; why is told for a while. */
export async function rejectHeld(
  context: UploadContext,
  hold: Hold,
  error: MediaError,
  progress: PutProgress,
  call?: CallContext,
): Promise<void> {
  const { code, reason, message } = error
  try {
    await hold.end({
      state: 'rejected',
      ttlMs: ENDED_UPLOAD_TTL_MS,
      data: { isWriting: false, error: { code, ...(reason === undefined ? {} : { reason }), message } },
    })
  } catch (failure) {
    if (!isMediaError(failure)) throw failure
    tellUpkeepFailed(context, 'end-session', failure)
    return
  }
  const { namespace, owner } = hold.record
  context.refused(error, { namespace, owner, door: hold.data.door, ...progress, ...contextOf(call) })
  await forgetBytes(context, hold)
  await dropObject(context, hold)
}

/** The row says already that they are not needed: what cannot be removed now is swept. */
export async function forgetBytes(context: UploadContext, upload: OpenUpload): Promise<void> {
  context.digests.forget(digestIdOf(upload))
  try {
    await removeParts(context, upload)
  } catch (error) {
    tellUpkeepFailed(context, 'remove-parts', toFailure(error))
  }
}

function contextOf(call: CallContext | undefined): { readonly context?: CallContext } {
  return call === undefined ? {} : { context: call }
}

/** Refusals of these very bytes. */
const FINAL: ReadonlySet<string> = new Set([
  'MEDIA_TYPE_REFUSED',
  'MEDIA_INVALID',
  'MEDIA_DIGEST_MISMATCH',
  'MEDIA_TOO_LARGE',
  'MEDIA_PRECONDITION',
  'MEDIA_ABSENT',
])

function isFinal({ code, reason }: MediaError): boolean {
  if (code === 'MEDIA_CONFLICT') return reason === 'key-taken' || reason === 'upload-lost'
  if (code === 'MEDIA_BAD_INPUT') return reason === 'empty-file' || reason === 'size-mismatch'
  return FINAL.has(code)
}

function incomplete(offsetBytes: number, sizeBytes: number | undefined): MediaError {
  const of = sizeBytes === undefined ? 'an unknown number of' : String(sizeBytes)
  return new MediaError('MEDIA_CONFLICT', `${offsetBytes} of ${of} bytes are there`, {
    reason: 'upload-incomplete',
  })
}
