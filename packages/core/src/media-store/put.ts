import type { Body } from '../contracts/bytes.ts'
import type { MediaRecord } from '../contracts/catalog.ts'
import type { Media, PutOptions } from '../contracts/media.ts'
import { BUSY_RETRY_AFTER_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { admit } from '../ingest/admit.ts'
import { type PutProgress, putBody } from '../ingest/put.ts'
import type { PutCall, RefusedCall } from '../ingest/put-call.ts'
import { parsePutOptions } from '../ingest/put-options.ts'
import type { PutOutcome } from '../ingest/repeat.ts'
import { findingOf } from '../scanning/finding.ts'
import { choosePlaces } from '../tiering/places.ts'
import type { UpkeepContext } from '../upkeep/context.ts'
import { callSignal } from './call-signal.ts'
import type { Engine } from './engine.ts'
import { snapshotOf } from './snapshot.ts'

/** One put from door to events. */
export async function put(
  engine: Engine,
  namespace: string,
  body: Body,
  options: PutOptions,
): Promise<Media> {
  const startedMs = engine.clock.now()
  const progress: PutProgress = { receivedBytes: 0 }
  const context = options.context === undefined ? {} : { context: options.context }
  let owner: string | undefined
  try {
    engine.activity.checkOpen()
    checkBusy(engine)
    const request = parsePutOptions(namespace, options)
    owner = request.owner
    return await callSignal(
      engine,
      options,
      async (signal) => {
        const outcome = await putBody(engine, engine.digestLock, request, body, signal, progress)
        return tellPut(engine, outcome, { startedMs, door: 'put', ...context })
      },
      'upload',
    )
  } catch (error) {
    tellRefused(engine, error, { namespace, owner, door: 'put', ...progress, ...context })
    throw error
  }
}

/** Word of a body that was not kept, whatever door it came by. */
export function tellRefused(
  { emit, clock }: Pick<UpkeepContext, 'emit' | 'clock'>,
  error: unknown,
  { namespace, owner, door, receivedBytes, digest, context }: RefusedCall,
): void {
  emit({
    type: 'upload.refused',
    at: new Date(clock.now()),
    namespace,
    ...(owner === undefined ? {} : { owner }),
    door,
    receivedBytes,
    ...(digest === undefined ? {} : { digest }),
    ...(isMediaError(error)
      ? { code: error.code, ...(error.reason === undefined ? {} : { reason: error.reason }) }
      : { code: 'ABORTED' as const }),
    ...(context === undefined ? {} : { context }),
  })
}

/** What follows a commit, whatever door the body came by: its line, what waits for a look, word to all who watch. */
export async function tellPut(context: UpkeepContext, outcome: PutOutcome, put: PutCall): Promise<Media> {
  // Of a repeated put too: the first may have died between its commit and its line.
  await context.journal.changed(await withCopies(context, outcome), outcome.chunkSums)
  const media = snapshotOf(outcome.record)
  if (outcome.repeated) return media
  tell(context, media, outcome, put)
  if (outcome.bad !== undefined) await context.scans.hold(outcome.bad, outcome.bad.verdict)
  const { pending } = outcome
  if (pending !== undefined) context.scans.soon(pending)
  return media
}

/** The record with the further copies that the put made: they too are to know whose bytes they hold. */
async function withCopies(
  { catalog, minCopies }: UpkeepContext,
  { record }: PutOutcome,
): Promise<MediaRecord> {
  if (minCopies === 1) return record
  const now = await catalog.get(record.namespace, record.id).catch(() => undefined)
  return now ?? record
}

/** What `put` with these options would refuse before its first byte. */
export async function admitPut(engine: Engine, namespace: string, options: PutOptions): Promise<void> {
  engine.activity.checkOpen()
  checkBusy(engine)
  const request = parsePutOptions(namespace, options)
  await admit(engine, request)
  const { places } = await choosePlaces(engine, {
    namespace,
    owner: request.owner,
    contentType: request.declaredType,
    sizeBytes: request.declaredBytes,
    ageMs: 0,
  })
  const staged = (request.declaredBytes ?? 0) > engine.memoryBodyBytes
  // Of several places each may take it; only one that stands alone is asked ahead.
  const staging = places.length === 1 ? places[0]?.volume.store.staging : undefined
  if (
    staging !== undefined &&
    staged &&
    staging.usedBytes + (request.declaredBytes ?? 0) > staging.budgetBytes
  ) {
    throw new MediaError('MEDIA_BUSY', 'staging has no room for this body now', {
      reason: 'staging-full',
      retryAfterMs: BUSY_RETRY_AFTER_MS,
    })
  }
}

/** @throws MediaError MEDIA_BUSY `too-many-uploads`; MEDIA_CLOSED */
export function checkBusy(engine: Engine): void {
  if (engine.activity.uploads < engine.maxUploadsInFlight) return
  throw new MediaError('MEDIA_BUSY', `${engine.maxUploadsInFlight} uploads are under way`, {
    reason: 'too-many-uploads',
    retryAfterMs: BUSY_RETRY_AFTER_MS,
  })
}

function tell(
  engine: UpkeepContext,
  media: Media,
  outcome: PutOutcome,
  { startedMs, door, context }: PutCall,
): void {
  const at = new Date(engine.clock.now())
  const { namespace, id: mediaId, owner, revision } = media
  const about = { at, namespace, mediaId, ...(context === undefined ? {} : { context }) }
  const key = media.key === undefined ? {} : { key: media.key }
  engine.emit({ type: outcome.created ? 'media.created' : 'media.replaced', ...about, ...key, revision })
  if (outcome.bad !== undefined) {
    const { digest, verdict } = outcome.bad
    engine.emit({ type: 'upload.held', ...about, ...key, owner, door, digest, ...findingOf(verdict) })
  }
  engine.emit({
    type: 'upload.accepted',
    ...about,
    owner,
    door,
    sizeBytes: media.sizeBytes,
    deduplicated: outcome.deduplicated,
    durationMs: at.getTime() - startedMs,
  })
}
