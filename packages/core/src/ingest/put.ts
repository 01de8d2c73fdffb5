import { ReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { IncomingMessage } from 'node:http'
import { fileSource } from '../bytes/source.ts'
import type { Body } from '../contracts/bytes.ts'
import type { StagingWriter } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { choosePlaces, type Places } from '../tiering/places.ts'
import { untilAbort } from '../time/interruption.ts'
import { decideType } from '../validation/decide-type.ts'
import { admit } from './admit.ts'
import { forEachChunk, letGo } from './chunks.ts'
import { commit } from './commit.ts'
import type { IngestContext } from './context.ts'
import { type Intake, toIntake } from './intake.ts'
import type { KeyedLock } from './keyed-lock.ts'
import { openStaging } from './open-staging.ts'
import { mergeLate, type PutRequest } from './put-options.ts'
import { createReceiver, type ReceivedBody, type ReceiveOptions, receiveBytes } from './receive.ts'
import { type PutOutcome, repeatedOutcome } from './repeat.ts'
import { createPutSession, type PutSession } from './session.ts'
import { tellUpkeepFailed } from './upkeep-failed.ts'

/** Progress that outlives a failure, for the event that tells of it. */
export interface PutProgress {
  receivedBytes: number
}

/**
 * Takes a body in: session and room, stream and hash, bytes under a row, record. Acknowledged only when all of it is durable.
 * A failure at any step leaves no record, no staged bytes, no reservation.
 */
export async function putBody(
  context: IngestContext,
  digestLock: KeyedLock,
  request: PutRequest,
  body: Body,
  signal: AbortSignal | undefined,
  progress: PutProgress,
): Promise<PutOutcome> {
  const intake = await toIntake(body)
  let taken = false
  let session: PutSession | undefined
  let received: ReceivedBody | undefined
  try {
    const declaredBytes = request.declaredBytes ?? (intake.kind === 'stream' ? intake.sizeBytes : undefined)
    await admit(context, { ...request, declaredBytes })
    const about = { namespace: request.namespace, owner: request.owner, ageMs: 0 }
    const placesFor = (sizeBytes: number | undefined, contentType: string | undefined): Promise<Places> =>
      choosePlaces(context, { ...about, sizeBytes, contentType })
    // Asked before the first byte: where no volume is there, none is read.
    await placesFor(declaredBytes, request.declaredType)
    session = createPutSession(context, {
      namespace: request.namespace,
      owner: request.owner,
      idempotencyKey: request.idempotencyKey,
      declaredBytes,
      declared: {
        filename: request.filename,
        ...(request.declaredType === undefined ? {} : { contentType: request.declaredType }),
      },
    })
    if (request.idempotencyKey !== undefined) {
      const mediaId = await session.begin()
      if (mediaId !== undefined) {
        const knownBytes = intake.kind === 'bytes' ? intake.bytes.byteLength : declaredBytes
        return await repeatedOutcome(context, request, knownBytes, mediaId)
      }
    }
    taken = true
    received = await receive(context, session, placesFor, request, intake, declaredBytes, signal, progress)
    if (request.digest !== undefined && request.digest !== received.summary.digest) {
      throw new MediaError(
        'MEDIA_DIGEST_MISMATCH',
        `the bytes have digest ${received.summary.digest}, declared was ${request.digest}`,
        { reason: 'digest-mismatch' },
      )
    }
    const final =
      request.late === undefined ? request : mergeLate(request, await untilAbort(request.late(), signal))
    if (final.filename !== request.filename) {
      decideType(
        { sniffed: received.sniffed, declared: request.declaredType, filename: final.filename },
        context.policies,
      )
    }
    signal?.throwIfAborted()
    const places = await placesFor(received.summary.sizeBytes, received.contentType)
    const outcome = await commit(context, digestLock, session, places, final, received, signal)
    // The caller gave the file away; what dedupe or a copy left of it goes.
    if (intake.kind === 'file') await removeGiven(context, intake.path)
    return outcome
  } finally {
    if (!taken) discardIntake(intake)
    await received?.discard()
    await session?.end()
  }
}

async function receive(
  context: IngestContext,
  session: PutSession,
  placesFor: (sizeBytes: number | undefined, contentType: string | undefined) => Promise<Places>,
  request: PutRequest,
  intake: Intake,
  declaredBytes: number | undefined,
  signal: AbortSignal | undefined,
  progress: PutProgress,
): Promise<ReceivedBody> {
  const bounds = {
    declaredBytes,
    declaredType: request.declaredType,
    filename: request.filename,
    policies: context.policies,
    maxBodyBytes: context.maxBodyBytes,
  }
  if (intake.kind === 'bytes') {
    signal?.throwIfAborted()
    const received = await receiveBytes(intake.bytes, bounds)
    progress.receivedBytes = intake.bytes.byteLength
    request.onProgress?.(progress.receivedBytes)
    return received
  }
  const options: ReceiveOptions = {
    ...bounds,
    memoryBodyBytes: context.memoryBodyBytes,
    held: context.held,
    chunks: givesForGood(intake) ? 'own' : 'copy',
    async stage(contentType) {
      if (intake.kind === 'file') return inPlace(intake.path, intake.source.sizeBytes)
      const { places } = await placesFor(declaredBytes, contentType)
      return openStaging(context, session, places, declaredBytes, signal)
    },
    onReceived: (receivedBytes) => session.onReceived(receivedBytes),
  }
  const receiver = createReceiver(options)
  try {
    const stream = intake.kind === 'file' ? intake.source.open() : intake.stream
    await forEachChunk(
      stream,
      (chunk) => {
        const wait = receiver.write(chunk)
        progress.receivedBytes = receiver.receivedBytes
        try {
          request.onProgress?.(receiver.receivedBytes)
        } catch (error) {
          wait?.catch(() => {}) // one failure is told; this one must not go unheard
          throw error
        }
        return wait
      },
      signal,
    )
    return await receiver.finish()
  } catch (error) {
    await receiver.abort()
    throw error
  }
}

/**
 * What Node itself reads from a file or a request it reads into memory that it never uses again. Of any other stream nobody knows:
 * behind it may be a generator, a web stream or a writer that fills one buffer again and again, and a stream asks ahead.
 */
function givesForGood(intake: Intake): boolean {
  if (intake.kind !== 'stream') return true
  const { stream } = intake
  return stream instanceof ReadStream || stream instanceof IncomingMessage
}

/** A file that is given away is its own staging: it is only read here, and taken over when it is published. */
function inPlace(path: string, sizeBytes: number): Promise<StagingWriter> {
  return Promise.resolve({
    write: async () => {},
    finish: async (digest) => ({ ...fileSource(path, sizeBytes, digest), path, discard: async () => {} }),
    abort: async () => {},
  })
}

function discardIntake(intake: Intake): void {
  if (intake.kind !== 'stream') return
  const { stream } = intake
  if ('destroy' in stream) stream.on('error', () => {}).destroy()
  else if (!('locked' in stream && stream.locked === true)) letGo(stream[Symbol.asyncIterator]())
}

/** The media is kept by now: a folder that keeps its file makes no failure of it. */
async function removeGiven(context: IngestContext, path: string): Promise<void> {
  try {
    await rm(path, { force: true })
  } catch {
    tellUpkeepFailed(context, 'remove-moved-file', {
      code: 'MEDIA_UNAVAILABLE',
      message: 'a file that was given away could not be removed from its folder',
    })
  }
}
