import { rm } from 'node:fs/promises'
import { newId } from '../bytes/id.ts'
import { fileSource } from '../bytes/source.ts'
import type { Body } from '../contracts/bytes.ts'
import type { CommittedContent, MediaRecord } from '../contracts/catalog.ts'
import type { StagingWriter } from '../contracts/object-store.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { Volume } from '../tiering/volume.ts'
import { untilAbort } from '../time/interruption.ts'
import { decideType } from '../validation/decide-type.ts'
import { admit } from './admit.ts'
import { forEachChunk, letGo } from './chunks.ts'
import type { IngestContext } from './context.ts'
import { type Intake, toIntake } from './intake.ts'
import type { KeyedLock } from './keyed-lock.ts'
import { type Published, publish } from './publish.ts'
import { mergeLate, type PutRequest } from './put-options.ts'
import { createReceiver, type ReceivedBody, type ReceiveOptions, receiveBytes } from './receive.ts'
import { createPutSession, type PutSession } from './session.ts'

export interface PutOutcome {
  readonly record: MediaRecord
  readonly created: boolean
  readonly deduplicated: boolean
  /** An earlier put with the same idempotency key made it. */
  readonly repeated: boolean
}

/** Rounds of transaction A and B for one body; each needs a copy that went bad in between. */
const MAX_COMMIT_ATTEMPTS = 3

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
    const volume = await context.volumes.chooseHome(declaredBytes)
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
      const mediaId = await session.begin(undefined)
      if (mediaId !== undefined) {
        const knownBytes = intake.kind === 'bytes' ? intake.bytes.byteLength : declaredBytes
        return await repeatedOutcome(context, request, knownBytes, mediaId)
      }
    }
    taken = true
    received = await receive(context, session, volume, request, intake, declaredBytes, signal, progress)
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
    const outcome = await commit(context, digestLock, session, volume, final, received, signal)
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
  volume: Volume,
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
    memoryBodyBytes: context.memoryBodyBytes,
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
    stage: () =>
      intake.kind === 'file'
        ? inPlace(intake.path, intake.source.sizeBytes)
        : openStaging(session, volume, declaredBytes, signal),
    onReceived: (receivedBytes) => session.onReceived(receivedBytes, volume),
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

async function openStaging(
  session: PutSession,
  volume: Volume,
  declaredBytes: number | undefined,
  signal: AbortSignal | undefined,
): Promise<StagingWriter> {
  const { staging } = volume.store
  if (staging === undefined)
    throw new MediaError(
      'MEDIA_UNSUPPORTED',
      `${volume.store.name} has no staging, and the body is too large for memory`,
      { reason: 'no-staging' },
    )
  await session.begin(volume)
  return staging.create({
    name: session.id,
    ...(declaredBytes === undefined ? {} : { sizeBytes: declaredBytes }),
    ...(signal === undefined ? {} : { signal }),
  })
}

/** A file that is given away is its own staging: it is only read here, and taken over when it is published. */
function inPlace(path: string, sizeBytes: number): Promise<StagingWriter> {
  return Promise.resolve({
    write: async () => {},
    finish: async (digest) => ({ ...fileSource(path, sizeBytes, digest), path, discard: async () => {} }),
    abort: async () => {},
  })
}

async function commit(
  context: IngestContext,
  digestLock: KeyedLock,
  session: PutSession,
  volume: Volume,
  request: PutRequest,
  received: ReceivedBody,
  signal: AbortSignal | undefined,
): Promise<PutOutcome> {
  const publishAndCommit = async (): Promise<PutOutcome | undefined> => {
    const published = await publish(context, session, volume, request.namespace, received, signal)
    if (published.type === 'repeated') {
      const { digest, sizeBytes } = received.summary
      return repeatedOutcome(context, { ...request, digest }, sizeBytes, published.mediaId)
    }
    try {
      const committed = await commitContent(context, session, request, received, published)
      session.committed()
      if (committed.redundant) await dropOwn(context, published)
      const deduplicated = published.own === undefined || committed.redundant
      return { record: committed.record, created: committed.created, deduplicated, repeated: false }
    } catch (error) {
      if (isCopyGone(error)) return undefined
      if (isRefusal(error)) {
        await session.end()
        await dropOwn(context, published)
      }
      throw error
    }
  }
  // Equal bodies of this process follow one another: the second finds the first one's copy and writes nothing.
  return digestLock.run(`${context.domainOf(request.namespace)}/${received.summary.digest}`, async () => {
    for (let attempt = 0; attempt < MAX_COMMIT_ATTEMPTS; attempt++) {
      const outcome = await publishAndCommit()
      if (outcome !== undefined) return outcome
    }
    throw new MediaError('MEDIA_UNAVAILABLE', 'the copies of these bytes keep being found damaged', {
      reason: 'placement-gone',
    })
  })
}

function commitContent(
  context: IngestContext,
  session: PutSession,
  request: PutRequest,
  received: ReceivedBody,
  published: Extract<Published, { type: 'published' }>,
): Promise<CommittedContent> {
  const { begun } = session
  if (begun === undefined)
    throw new MediaError('MEDIA_LEASE_LOST', 'the put has no session', { reason: 'no-session' })
  const { own } = published
  return context.catalog.commitContent({
    session: begun,
    blobId: published.blobId,
    ...(own === undefined
      ? {}
      : { placement: { id: own.placementId, storedBytes: own.head.sizeBytes, etag: own.head.etag } }),
    media: {
      ...request.media,
      newId: newId(context.clock.now()),
      namespace: request.namespace,
      owner: request.owner,
    },
    content: { contentType: received.contentType, filename: request.filename, facts: {}, state: 'active' },
  })
}

/** The copy we were to share was found damaged between both transactions. The session lives: look again, or write our own. */
function isCopyGone(error: unknown): boolean {
  return isMediaError(error, 'MEDIA_CONFLICT') && error.reason === 'placement-gone'
}

/** The catalog said no: nothing was committed, so bytes of ours can go at once. Anything else may have been committed. */
function isRefusal(error: unknown): boolean {
  return (
    isMediaError(error, 'MEDIA_PRECONDITION') ||
    isMediaError(error, 'MEDIA_ABSENT') ||
    isMediaError(error, 'MEDIA_CONFLICT') ||
    isMediaError(error, 'MEDIA_LEASE_LOST')
  )
}

/** Deletes bytes that never became visible. Garbage collection would too, later. */
async function dropOwn(
  context: IngestContext,
  published: Extract<Published, { type: 'published' }>,
): Promise<void> {
  const { own } = published
  if (own === undefined) return
  try {
    await own.volume.store.delete(own.key)
    await context.catalog.dropPlacements([own.placementId])
  } catch (error) {
    if (!isMediaError(error)) throw error
    context.emit({
      type: 'upkeep.failed',
      at: new Date(context.clock.now()),
      task: 'drop-redundant',
      code: error.code,
      message: error.message,
    })
  }
}

async function repeatedOutcome(
  context: IngestContext,
  request: PutRequest,
  knownBytes: number | undefined,
  mediaId: string,
): Promise<PutOutcome> {
  const record = await context.catalog.get(request.namespace, mediaId)
  if (record === undefined)
    throw new MediaError('MEDIA_GONE', 'the media that this idempotency key made was deleted', {
      reason: 'repeated-gone',
    })
  if (!isRepeat(record, request, knownBytes)) {
    throw new MediaError('MEDIA_CONFLICT', 'this idempotency key was used for another put', {
      reason: 'idempotency-key-reused',
    })
  }
  return { record, created: false, deduplicated: true, repeated: true }
}

/**
 * Tells as far as can be told without reading the body: to answer a put of other bytes, or to another place, with the
 * first outcome would be to say that they are kept. What the first content was is known while it is the content.
 */
function isRepeat(
  record: MediaRecord,
  { media, digest }: PutRequest,
  knownBytes: number | undefined,
): boolean {
  const { at } = media
  if (at !== undefined && (typeof at === 'string' ? at !== record.id : at.key !== record.key)) return false
  const { content } = record
  if (content.number > 1) return true
  const isOtherLength = knownBytes !== undefined && knownBytes !== content.sizeBytes
  return !isOtherLength && (digest === undefined || digest === content.digest)
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
    context.emit({
      type: 'upkeep.failed',
      at: new Date(context.clock.now()),
      task: 'remove-moved-file',
      code: 'MEDIA_UNAVAILABLE',
      message: 'a file that was given away could not be removed from its folder',
    })
  }
}
