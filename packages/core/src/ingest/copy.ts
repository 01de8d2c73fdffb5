import { pipeline, Transform } from 'node:stream'
import { corruptBytes } from '../cas/corrupt.ts'
import { isUnchanged, objectChanged } from '../cas/external-object.ts'
import { newPlacementId, physicalKey } from '../cas/physical-key.ts'
import { verifyWhole } from '../cas/verified-stream.ts'
import type { ByteSource, Digest } from '../contracts/bytes.ts'
import type { Call, CallCause } from '../contracts/call.ts'
import type {
  BlobCopies,
  PlacementRecord,
  SessionRecord,
  StageCopy,
  StagedCopy,
} from '../contracts/catalog.ts'
import type { ObjectHead, StagedBody, StagingWriter } from '../contracts/object-store.ts'
import { COPY_POLL_MAX_MS, COPY_POLL_MS, LOAD_LEASE_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { Volume } from '../tiering/volume.ts'
import { pause } from '../time/pause.ts'
import { stayAwake } from '../time/stay-awake.ts'
import type { IngestContext } from './context.ts'
import { createPutSession, type PutSession } from './session.ts'
import { tellUpkeepFailed } from './upkeep-failed.ts'

/**
 * `made`: the volume has a new live copy. `present`: it had one. `unwanted`: the blob is gone or garbage.
 * `no-source`: no good copy can be read; those that were tried and found damaged are marked.
 */
export type CopyOutcome = 'made' | 'present' | 'unwanted' | 'no-source'

export interface CopyOptions {
  /** What the ledger books it as. */
  readonly cause: CallCause
  readonly signal?: AbortSignal | undefined
  /** Another session makes this copy, and is waited for: called now and then as long as it is. */
  readonly onElsewhere?: () => void
  /** Bytes that were read so far. */
  readonly onBytes?: (readBytes: number) => void
  /** The body as it is staged on the target, where it can be read while it comes: for readers that do not wait for its end. */
  readonly onStaged?: (writer: StagingWriter) => void
}

/**
 * Makes a copy of a blob on `volume`, from the nearest good one, in the order of a put: row and pin, bytes synced, row live.
 * What is read is checked on the way, so that damage is never copied. Any number of processes may try at once: one reads, by a
 * lease in the catalog, and the others wait for what it makes; one that stands still for longer than its lease is not waited for,
 * and of two copies one stays.
 * @throws what the volume says: MEDIA_NO_SPACE, MEDIA_UNAVAILABLE, and so on. Nothing is left behind then.
 */
export async function copyBlob(
  context: IngestContext,
  blobId: string,
  volume: Volume,
  options: CopyOptions,
): Promise<CopyOutcome> {
  const known = await context.catalog.copiesOf(blobId)
  if (known?.digest === undefined) return 'unwanted'
  const session = createPutSession(context, {
    namespace: '',
    owner: '',
    idempotencyKey: undefined,
    declaredBytes: known.sizeBytes,
    declared: { copyOf: blobId },
    leaseMs: LOAD_LEASE_MS,
  })
  let receivedBytes = 0
  let letGo = (): void => {}
  try {
    const placementId = newPlacementId(context.clock.now())
    const key = physicalKey(known.digest, placementId)
    const staged = await stageInTurn(
      context,
      {
        session: session.plan(volume, known.sizeBytes),
        blobId,
        volumeId: volume.id,
        placementId,
        key,
        leaseMs: LOAD_LEASE_MS,
      },
      options,
    )
    if (staged.type !== 'staged') return staged.type
    session.adopted(staged.session.fence)
    letGo = holdLease(context, staged.session, () => receivedBytes >= known.sizeBytes)
    const head = await writeFromAny(context, staged.blob, volume, key, session, {
      ...options,
      onBytes(bytes) {
        receivedBytes = bytes
        options.onBytes?.(bytes)
      },
    })
    if (head === undefined) return 'no-source'
    const { redundant } = await context.catalog.commitCopy({
      session: { id: session.id, fence: staged.session.fence },
      placement: { id: placementId, storedBytes: head.sizeBytes, etag: head.etag },
    })
    session.committed()
    return redundant ? 'present' : 'made'
  } finally {
    letGo()
    await session.end()
  }
}

/** Begins the copy, once nobody else is at it. */
async function stageInTurn(
  context: IngestContext,
  input: StageCopy,
  options: CopyOptions,
): Promise<Exclude<StagedCopy, { readonly type: 'under-way' }>> {
  for (;;) {
    const staged = await context.catalog.stageCopy(input)
    if (staged.type !== 'under-way') return staged
    await untilOver(context, staged, options)
  }
}

/**
 * Returns when the session has ended, or when its lease may be over. Looks are reads of one row, ever less often. What is left
 * of the lease is counted in waits, and not by a clock of ours, which may be set.
 */
async function untilOver(
  { catalog, clock }: IngestContext,
  { sessionId, leaseLeftMs }: Extract<StagedCopy, { readonly type: 'under-way' }>,
  { signal, onElsewhere }: CopyOptions,
): Promise<void> {
  // Timers of the clock let a process end; a command that copies would end here, with nothing said.
  const sleep = stayAwake()
  try {
    let leftMs = leaseLeftMs
    for (let waitMs = COPY_POLL_MS; leftMs > 0; waitMs = Math.min(2 * waitMs, COPY_POLL_MAX_MS)) {
      onElsewhere?.()
      await pause(Math.min(waitMs, leftMs), clock, signal)
      if (!(await catalog.isSessionLive(sessionId))) return
      leftMs -= waitMs
    }
  } finally {
    sleep()
  }
}

/**
 * While bytes come they keep the lease. Once all are read nobody else shall read them again, however long the target takes:
 * for as long as the session lives, which this does not prolong. @returns how to stop
 */
function holdLease(
  { catalog, clock }: IngestContext,
  session: SessionRecord,
  isRead: () => boolean,
): () => void {
  let cancel = (): void => {}
  const arm = (): void => {
    cancel = clock.after(LOAD_LEASE_MS / 3, () => {
      // One that is lost is found out when the copy is recorded.
      if (isRead())
        catalog.extendSession(session, { leaseMs: LOAD_LEASE_MS, isPassing: true }).catch(() => {})
      arm()
    })
  }
  arm()
  return () => cancel()
}

/** `undefined` when none of the copies could be read whole. */
async function writeFromAny(
  context: IngestContext,
  blob: BlobCopies,
  volume: Volume,
  key: string,
  session: PutSession,
  options: CopyOptions,
): Promise<ObjectHead | undefined> {
  const { signal } = options
  const live = blob.placements.filter(({ state }) => state === 'live')
  for (const { placement, volume: from } of context.volumes.reachable(live)) {
    const source = checkedSource(blob, placement, from, options.cause, (bytes) => {
      options.onBytes?.(bytes)
      return session.onReceived(bytes)
    })
    try {
      await from.checkOnline()
      await volume.checkOnline()
      return options.onStaged !== undefined && volume.store.staging !== undefined
        ? await writeStaged(volume, key, source, session.id, blob.digest, options)
        : await volume.store.put(key, source, {
            ...(blob.digest === undefined ? {} : { checksum: blob.digest }),
            ...callOf(options),
          })
    } catch (error) {
      signal?.throwIfAborted()
      const failure = source.failed()
      if (failure === undefined || isMediaError(failure, 'MEDIA_LEASE_LOST')) throw failure ?? error
      // The source's own failure. Damage is remembered; a volume that is away says nothing about its bytes.
      if (isMediaError(failure, 'MEDIA_CORRUPT') && placement.owned)
        await context.catalog.markBad(placement.id)
      else if (isMediaError(failure, 'MEDIA_NOT_READY')) throw failure
      else tellUpkeepFailed(context, 'copy', asMediaError(failure))
    }
  }
  return undefined
}

const callOf = ({ cause, signal }: CopyOptions): Pick<Call, 'context' | 'signal'> => ({
  context: { cause },
  ...(signal === undefined ? {} : { signal }),
})

/** By way of the target's staging, where others can follow the bytes as they come. */
async function writeStaged(
  { store }: Volume,
  key: string,
  source: CheckedSource,
  name: string,
  digest: Digest | undefined,
  options: CopyOptions,
): Promise<ObjectHead> {
  const { signal, onStaged } = options
  const { staging } = store
  if (staging === undefined || digest === undefined)
    throw new MediaError('MEDIA_UNSUPPORTED', `${store.name} has no staging`, { reason: 'no-staging' })
  const writer = await staging.create({
    name,
    sizeBytes: source.sizeBytes,
    ...(signal === undefined ? {} : { signal }),
  })
  let body: StagedBody | undefined
  try {
    onStaged?.(writer)
    const stream = source.open(signal === undefined ? {} : { signal })
    for await (const chunk of stream as AsyncIterable<Uint8Array>) await writer.write(chunk)
    body = await writer.finish(digest)
    return body.path !== undefined && store.adopt !== undefined
      ? await store.adopt(key, body.path, callOf(options))
      : await store.put(key, body, callOf(options))
  } finally {
    await writer.abort()
    await body?.discard()
  }
}

interface CheckedSource extends ByteSource {
  /** What went wrong with reading, and not with writing. */
  failed(): unknown
}

/** The bytes of a copy, verified before their end; `onBytes` keeps the session alive. */
function checkedSource(
  { digest, sizeBytes }: BlobCopies,
  placement: PlacementRecord,
  { store }: Volume,
  cause: CallCause,
  onBytes: (readBytes: number) => Promise<void> | undefined,
): CheckedSource {
  const { id, key } = placement
  let failure: unknown
  return {
    sizeBytes,
    ...(digest === undefined ? {} : { digest }),
    failed: () => failure,
    open({ signal } = {}) {
      const check = verifyWhole({ placementId: id, digest, sizeBytes, chunkSums: async () => undefined })
      const fail = (error: unknown): void => {
        failure ??= error
        check.destroy(error instanceof Error ? error : new Error(String(error)))
      }
      const start = async (): Promise<void> => {
        const reader = await store.get(key, {
          context: { cause },
          ...(signal === undefined ? {} : { signal }),
        })
        if (!placement.owned && (reader === undefined || !isUnchanged(reader.head, placement))) {
          await reader?.[Symbol.asyncDispose]()
          throw objectChanged(placement)
        }
        if (reader === undefined) throw corruptBytes(id, 'bytes-missing', 'the volume has no such object')
        pipeline(reader.stream(), countBytes(onBytes), check, (error) => {
          if (error) failure ??= error
        })
      }
      start().catch(fail)
      return check
    },
  }
}

/** Lets bytes through and says how many there were. */
function countBytes(onBytes: (readBytes: number) => Promise<void> | undefined): Transform {
  let readBytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      readBytes += chunk.length
      const wait = onBytes(readBytes)
      if (wait === undefined) done(null, chunk)
      else
        wait.then(
          () => done(null, chunk),
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        )
    },
  })
}

function asMediaError(error: unknown): Pick<MediaError, 'code' | 'message'> {
  return isMediaError(error) ? error : { code: 'MEDIA_UNAVAILABLE', message: 'a copy could not be read' }
}
