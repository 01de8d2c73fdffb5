import { pipeline, Transform } from 'node:stream'
import { corruptBytes } from '../cas/corrupt.ts'
import { newPlacementId, physicalKey } from '../cas/physical-key.ts'
import { verifyWhole } from '../cas/verified-stream.ts'
import type { ByteSource } from '../contracts/bytes.ts'
import type { BlobCopies, PlacementRecord } from '../contracts/catalog.ts'
import { isMediaError, type MediaError } from '../errors/media-error.ts'
import type { Volume } from '../tiering/volume.ts'
import type { IngestContext } from './context.ts'
import { createPutSession, type PutSession } from './session.ts'
import { tellUpkeepFailed } from './upkeep-failed.ts'

/**
 * `made`: the volume has a new live copy. `present`: it had one. `unwanted`: the blob is gone or garbage.
 * `no-source`: no good copy can be read; those that were tried and found damaged are marked.
 */
export type CopyOutcome = 'made' | 'present' | 'unwanted' | 'no-source'

/**
 * Makes a copy of a blob on `volume`, from the nearest good one, in the order of a put: row and pin, bytes synced, row live.
 * What is read is checked on the way, so that damage is never copied. Any number of processes may try at once: one copy stays.
 * @throws what the volume says: MEDIA_NO_SPACE, MEDIA_UNAVAILABLE, and so on. Nothing is left behind then.
 */
export async function copyBlob(
  context: IngestContext,
  blobId: string,
  volume: Volume,
  signal: AbortSignal | undefined,
): Promise<CopyOutcome> {
  const known = await context.catalog.copiesOf(blobId)
  if (known?.digest === undefined) return 'unwanted'
  const session = createPutSession(context, {
    namespace: '',
    owner: '',
    idempotencyKey: undefined,
    declaredBytes: known.sizeBytes,
    declared: { copyOf: blobId },
  })
  try {
    const placementId = newPlacementId(context.clock.now())
    const key = physicalKey(known.digest, placementId)
    const staged = await context.catalog.stageCopy({
      session: session.plan(volume, known.sizeBytes),
      blobId,
      volumeId: volume.id,
      placementId,
      key,
    })
    if (staged.type !== 'staged') return staged.type
    session.adopted(staged.session.fence)
    const head = await writeFromAny(context, staged.blob, volume, key, session, signal)
    if (head === undefined) return 'no-source'
    const { redundant } = await context.catalog.commitCopy({
      session: { id: session.id, fence: staged.session.fence },
      placement: { id: placementId, storedBytes: head.sizeBytes, etag: head.etag },
    })
    session.committed()
    return redundant ? 'present' : 'made'
  } finally {
    await session.end()
  }
}

/** `undefined` when none of the copies could be read whole. */
async function writeFromAny(
  context: IngestContext,
  blob: BlobCopies,
  volume: Volume,
  key: string,
  session: PutSession,
  signal: AbortSignal | undefined,
): Promise<{ readonly sizeBytes: number; readonly etag: string } | undefined> {
  const live = blob.placements.filter(({ state }) => state === 'live')
  for (const { placement, volume: from } of context.volumes.reachable(live)) {
    const source = checkedSource(blob, placement, from, (bytes) => session.onReceived(bytes, volume))
    try {
      await from.checkOnline()
      await volume.checkOnline()
      return await volume.store.put(key, source, {
        ...(blob.digest === undefined ? {} : { checksum: blob.digest }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (error) {
      signal?.throwIfAborted()
      const failure = source.failed()
      if (failure === undefined || isMediaError(failure, 'MEDIA_LEASE_LOST')) throw failure ?? error
      // The source's own failure. Damage is remembered; a volume that is away says nothing about its bytes.
      if (isMediaError(failure, 'MEDIA_CORRUPT')) await context.catalog.markBad(placement.id)
      else tellUpkeepFailed(context, 'copy', asMediaError(failure))
    }
  }
  return undefined
}

interface CheckedSource extends ByteSource {
  /** What went wrong with reading, and not with writing. */
  failed(): unknown
}

/** The bytes of a copy, verified before their end; `onBytes` keeps the session alive. */
function checkedSource(
  { digest, sizeBytes }: BlobCopies,
  { id, key }: PlacementRecord,
  { store }: Volume,
  onBytes: (readBytes: number) => Promise<void> | undefined,
): CheckedSource {
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
        const reader = await store.get(key, signal === undefined ? {} : { signal })
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
