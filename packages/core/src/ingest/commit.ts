import { newId } from '../bytes/id.ts'
import { placementSource } from '../cas/placement-source.ts'
import type { CommittedContent, MediaRecord } from '../contracts/catalog.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { BlobToScan } from '../scanning/background.ts'
import { liveCopySource } from '../tiering/live-copy.ts'
import type { Places } from '../tiering/places.ts'
import type { KeyedLock } from '../time/keyed-lock.ts'
import type { IngestContext } from './context.ts'
import { isPlaced } from './direct.ts'
import { ensureCopies } from './ensure-copies.ts'
import { type Examined, examine } from './examine.ts'
import { type Published, publish } from './publish.ts'
import type { PutRequest } from './put-options.ts'
import type { ReceivedBody } from './receive.ts'
import { type PutOutcome, repeatedOutcome } from './repeat.ts'
import type { PutSession } from './session.ts'
import { tellUpkeepFailed, toFailure } from './upkeep-failed.ts'

/** Rounds of transaction A and B for one body; each needs a copy that went bad in between. */
const MAX_COMMIT_ATTEMPTS = 3

/** Publishes the bytes and makes the record, or refuses and leaves nothing: the end of a put. */
export async function commit(
  context: IngestContext,
  digestLock: KeyedLock,
  session: PutSession,
  places: Places,
  request: PutRequest,
  received: ReceivedBody,
  /** Absent for bytes that can be read only where they are published. */
  examined: Examined | undefined,
  signal: AbortSignal | undefined,
): Promise<PutOutcome> {
  const publishAndCommit = async (): Promise<PutOutcome | undefined> => {
    const published = await publish(context, session, places, request.namespace, received, signal)
    if (published.type === 'repeated') {
      const { digest, sizeBytes } = received.summary
      return repeatedOutcome(context, { ...request, digest }, sizeBytes, published.mediaId)
    }
    try {
      const found = examined ?? (await examinePublished(context, request, received, published, signal))
      const committed = await commitContent(context, session, request, received, found, published)
      session.committed()
      if (committed.redundant) await dropOwn(context, published)
      else tellKept(context, places, published, received.summary.sizeBytes)
      const record =
        context.minCopies > 1 ? await addCopies(context, committed.record, signal) : committed.record
      const deduplicated = published.own === undefined || committed.redundant
      return {
        record,
        created: committed.created,
        deduplicated,
        repeated: false,
        chunkSums: received.summary.chunkSums,
        ...(published.own === undefined || committed.redundant ? {} : { ownKey: published.own.key }),
        ...(found.state === 'quarantined' && found.verdict !== undefined
          ? { bad: { blobId: published.blobId, digest: received.summary.digest, verdict: found.verdict } }
          : {}),
        ...(found.state === 'pending'
          ? { pending: toScan(context, request, received, published.blobId) }
          : {}),
      }
    } catch (error) {
      if (isCopyGone(error)) return undefined
      if (isRefusal(error)) {
        await session.end()
        // An object that came before us may be the very one that whoever took over makes live.
        const isTheirs = isMediaError(error, 'MEDIA_LEASE_LOST') && isPlaced(received.source)
        if (!isTheirs) await dropOwn(context, published)
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

function toScan(
  context: IngestContext,
  { namespace }: PutRequest,
  { summary: { digest, sizeBytes }, contentType }: ReceivedBody,
  blobId: string,
): BlobToScan {
  return { blobId, digest, sizeBytes, contentType, domain: context.domainOf(namespace) }
}

/** A body that went straight to its volume is looked into there, before it is anybody's. */
async function examinePublished(
  context: IngestContext,
  request: PutRequest,
  received: ReceivedBody,
  { blobId, own }: Extract<Published, { type: 'published' }>,
  signal: AbortSignal | undefined,
): Promise<Examined> {
  const { digest, sizeBytes } = received.summary
  const source =
    own === undefined
      ? await liveCopySource(context, { blobId, digest, sizeBytes })
      : placementSource(own.volume.store, { key: own.key, sizeBytes, digest, cause: 'verify' })
  return examine(context, request, received, source, signal)
}

function commitContent(
  context: IngestContext,
  session: PutSession,
  request: PutRequest,
  received: ReceivedBody,
  { facts, state, verdict }: Examined,
  published: Extract<Published, { type: 'published' }>,
): Promise<CommittedContent> {
  const begun = session.begun()
  if (begun === undefined)
    throw new MediaError('MEDIA_LEASE_LOST', 'the put has no session', { reason: 'no-session' })
  const { own } = published
  return context.catalog.commitContent({
    session: begun,
    blobId: published.blobId,
    reachable: published.reachable,
    ...(own === undefined
      ? {}
      : { placement: { id: own.placementId, storedBytes: own.head.sizeBytes, etag: own.head.etag } }),
    media: {
      ...request.media,
      newId: session.mediaId ?? newId(context.clock.now()),
      namespace: request.namespace,
      owner: request.owner,
    },
    content: {
      contentType: received.contentType,
      filename: request.filename,
      facts,
      state,
      ...(verdict === undefined ? {} : { verdict }),
    },
    ...(session.kept === undefined ? {} : { keepSession: session.kept() }),
  })
}

function tellKept(
  context: IngestContext,
  { wanted }: Places,
  { blobId, own }: Extract<Published, { type: 'published' }>,
  sizeBytes: number,
): void {
  if (own === undefined) return
  const { volume, placementId } = own
  context.onKept({ blobId, sizeBytes, placementId, volume, wanted: wanted[0] ?? volume })
}

/**
 * The media is kept by now: what keeps further copies from being made is told, and no failure of the put.
 * @returns the record as it is then
 */
async function addCopies(
  context: IngestContext,
  record: MediaRecord,
  signal: AbortSignal | undefined,
): Promise<MediaRecord> {
  const { blobId, placements } = record.content
  try {
    const { made, outcome } = await ensureCopies(context, blobId, placements, signal)
    if (outcome !== 'enough')
      tellUpkeepFailed(context, 'copy', {
        code: 'MEDIA_UNAVAILABLE',
        message: `blob ${blobId} has fewer than ${context.minCopies} copies; repair makes the rest`,
      })
    if (made === 0) return record
    const now = await context.catalog.get(record.namespace, record.id)
    return now?.revision === record.revision ? now : record
  } catch (error) {
    if (signal?.aborted !== true) tellUpkeepFailed(context, 'copy', toFailure(error))
    return record
  }
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
    isMediaError(error, 'MEDIA_LEASE_LOST') ||
    isMediaError(error, 'MEDIA_QUOTA') ||
    // Of a look into bytes that are published and not committed.
    isMediaError(error, 'MEDIA_INVALID') ||
    isMediaError(error, 'MEDIA_TYPE_REFUSED') ||
    isMediaError(error, 'MEDIA_NO_SPACE')
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
    tellUpkeepFailed(context, 'drop-redundant', error)
  }
}
