import { ReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { fileSource } from '../bytes/source.ts'
import type { Body, Digest } from '../contracts/bytes.ts'
import type { StagedBody, StagingWriter } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { choosePlaces, type Places } from '../tiering/places.ts'
import { untilAbort } from '../time/interruption.ts'
import type { KeyedLock } from '../time/keyed-lock.ts'
import { decideType } from '../validation/decide-type.ts'
import { admit } from './admit.ts'
import { forEachChunk } from './chunks.ts'
import { commit } from './commit.ts'
import type { IngestContext } from './context.ts'
import { isDirect, isPlaced, placedBody } from './direct.ts'
import { examine } from './examine.ts'
import { discardIntake, type Intake, toIntake } from './intake.ts'
import { openStaging } from './open-staging.ts'
import { mergeLate, type PutRequest } from './put-options.ts'
import {
  createReceiver,
  type ReceivedBody,
  type ReceiveOptions,
  receiveBytes,
  receiveStaged,
} from './receive.ts'
import { type PutOutcome, repeatedOutcome } from './repeat.ts'
import { createPutSession, type PutSession } from './session.ts'
import { tellUpkeepFailed } from './upkeep-failed.ts'

/** Progress that outlives a failure, for the event that tells of it. */
export interface PutProgress {
  receivedBytes: number
  /** Of all that came. */
  digest?: Digest
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
  return putIntake(context, digestLock, request, await toIntake(body), undefined, signal, progress)
}

/**
 * The same for a body as ingest takes it. With `given` it belongs to a session that was begun before, an upload's: its conditions
 * were looked at then and are looked at again by the commit.
 */
export async function putIntake(
  context: IngestContext,
  digestLock: KeyedLock,
  request: PutRequest,
  intake: Intake,
  given: PutSession | undefined,
  signal: AbortSignal | undefined,
  progress: PutProgress,
): Promise<PutOutcome> {
  let taken = false
  let session: PutSession | undefined
  let received: ReceivedBody | undefined
  try {
    const declaredBytes = request.declaredBytes ?? sizeOf(intake)
    await admit(context, { ...request, declaredBytes })
    const about = { namespace: request.namespace, owner: request.owner, ageMs: 0 }
    const placesFor = (sizeBytes: number | undefined, contentType: string | undefined): Promise<Places> =>
      choosePlaces(context, { ...about, sizeBytes, contentType, needsRoom: session?.begun() === undefined })
    // Asked before the first byte: where no volume is there, none is read.
    await placesFor(declaredBytes, request.declaredType)
    session = given ?? sessionFor(context, request, declaredBytes)
    if (request.idempotencyKey !== undefined && given === undefined) {
      const mediaId = await session.begin()
      if (mediaId !== undefined) {
        const knownBytes = intake.kind === 'bytes' ? intake.bytes.byteLength : declaredBytes
        return await repeatedOutcome(context, request, knownBytes, mediaId)
      }
    }
    taken = true
    received = await receive(context, session, placesFor, request, intake, declaredBytes, signal, progress)
    session.onWhole?.()
    progress.digest = received.summary.digest
    checkDeclaredDigest(request, received)
    const { source } = received
    const isReadable = !isDirect(source) || isPlaced(source)
    const examined = !isReadable ? undefined : await examine(context, request, received, source, signal)
    // Asked last: what may change while bytes are looked at is not settled before.
    const final = await withLate(context, request, received, signal)
    signal?.throwIfAborted()
    await session.own(received.summary.sizeBytes)
    const places = await placesFor(received.summary.sizeBytes, received.contentType)
    const outcome = await commit(context, digestLock, session, places, final, received, examined, signal)
    // What a scanner still sends somewhere is not ours to know.
    if (!context.scanning.isOn) received.blocks?.reuse()
    // The caller gave the file away; what dedupe or a copy left of it goes.
    if (intake.kind === 'file') await removeGiven(context, intake.path)
    return outcome
  } finally {
    if (!taken) discardIntake(intake)
    await received?.discard()
    // An upload ends, or goes on, by those who hold it.
    if (given === undefined) await session?.end()
  }
}

/** The length of a body that tells it before its bytes. */
function sizeOf(intake: Intake): number | undefined {
  return intake.kind === 'stream' || intake.kind === 'placed' ? intake.sizeBytes : undefined
}

function sessionFor(
  context: IngestContext,
  { namespace, owner, idempotencyKey, filename, declaredType }: PutRequest,
  declaredBytes: number | undefined,
): PutSession {
  return createPutSession(context, {
    namespace,
    owner,
    idempotencyKey,
    declaredBytes,
    declared: { filename, ...(declaredType === undefined ? {} : { contentType: declaredType }) },
  })
}

function checkDeclaredDigest({ digest }: PutRequest, { summary }: ReceivedBody): void {
  if (digest === undefined || digest === summary.digest) return
  throw new MediaError(
    'MEDIA_DIGEST_MISMATCH',
    `the bytes have digest ${summary.digest}, declared was ${digest}`,
    { reason: 'digest-mismatch' },
  )
}

/** The request with the options that the sender gives only after the body. A new name must fit the type. */
async function withLate(
  context: IngestContext,
  request: PutRequest,
  { sniffed }: ReceivedBody,
  signal: AbortSignal | undefined,
): Promise<PutRequest> {
  if (request.late === undefined) return request
  const final = mergeLate(request, await untilAbort(request.late(), signal))
  if (final.filename !== request.filename)
    decideType({ sniffed, declared: request.declaredType, filename: final.filename }, context.policies)
  return final
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
  if (intake.kind === 'staged' && intake.summary !== undefined)
    return receiveStaged(intake.body, intake.summary, bounds)
  const options: ReceiveOptions = {
    ...bounds,
    // What is staged already is taken over as it lies.
    memoryBodyBytes: intake.kind === 'staged' || intake.kind === 'placed' ? 0 : context.memoryBodyBytes,
    held: context.held,
    chunks: givesForGood(intake) ? 'own' : 'copy',
    async stage(contentType) {
      if (intake.kind === 'file') return fileInPlace(intake.path, intake.source.sizeBytes)
      if (intake.kind === 'staged') return inPlace((digest) => ({ ...intake.body, digest }))
      if (intake.kind === 'placed')
        return inPlace((digest) => placedBody(intake.object, intake.sizeBytes, digest))
      const places = await placesFor(declaredBytes, contentType)
      return openStaging(context, session, places, declaredBytes, signal)
    },
    onReceived: (receivedBytes) => session.onReceived(receivedBytes),
  }
  const receiver = createReceiver(options)
  const takeChunk = (chunk: Uint8Array): Promise<void> | undefined => {
    const wait = receiver.write(chunk)
    progress.receivedBytes = receiver.receivedBytes()
    try {
      request.onProgress?.(receiver.receivedBytes())
    } catch (error) {
      wait?.catch(() => {}) // one failure is told; this one must not go unheard
      throw error
    }
    return wait
  }
  try {
    await forEachChunk(openIntake(intake), takeChunk, signal)
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
function fileInPlace(path: string, sizeBytes: number): Promise<StagingWriter> {
  return inPlace((digest) => ({ ...fileSource(path, sizeBytes, digest), path, discard: async () => {} }))
}

/** Bytes that are where they are to be staged. */
function inPlace(finish: (digest: Digest) => StagedBody): Promise<StagingWriter> {
  return Promise.resolve({
    write: async () => {},
    finish: async (digest) => finish(digest),
    abort: async () => {},
  })
}

function openIntake(intake: Exclude<Intake, { kind: 'bytes' }>): Readable | AsyncIterable<Uint8Array> {
  switch (intake.kind) {
    case 'file':
      return intake.source.open()
    case 'staged':
      return intake.body.open()
    case 'placed':
    case 'stream':
      return intake.stream
  }
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
