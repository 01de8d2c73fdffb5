import { pipeline, type Readable } from 'node:stream'
import { clampRange, rangeBytes } from '../bytes/range.ts'
import { corruptBytes } from '../cas/corrupt.ts'
import { isObjectChanged, isUnchanged, objectChanged } from '../cas/external-object.ts'
import { createBlockReader, type ExpectedBytes } from '../cas/verified-blocks.ts'
import { readVerifiedObject, readVerifiedRange } from '../cas/verified-piece.ts'
import { verifyRange, verifyWhole, widenToChunks } from '../cas/verified-stream.ts'
import type { ByteRange } from '../contracts/bytes.ts'
import type { ContentRecord, MediaRecord } from '../contracts/catalog.ts'
import type { OpenOptions } from '../contracts/media.ts'
import type { MediaReader } from '../contracts/media-store.ts'
import type { ObjectFile } from '../contracts/object-store.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { learning } from '../external/index.ts'
import { tellCorrupt } from '../ingest/tell-corrupt.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import { followLoad } from '../moves/index.ts'
import type { ReachablePlacement } from '../tiering/volumes.ts'
import { untilAbort } from '../time/interruption.ts'
import { createBufferedReader } from './buffered-reader.ts'
import type { Engine } from './engine.ts'
import { createReader, type ReaderSource } from './reader.ts'
import { etagOf, snapshotOf } from './snapshot.ts'

/** Opened at the time of `open`: verified bytes, or where they come from and what must be freed when the reader is done. */
type Opened =
  | { readonly tier: string; readonly bytes: Buffer }
  | {
      readonly tier: string
      readonly bytes?: undefined
      readonly source: ReaderSource
      readonly placement: ReachablePlacement['placement']
      release(): Promise<void>
    }

/** When to ask again for what only another host can read. */
const OTHER_HOST_RETRY_MS = 60_000

/** Ranges up to this size are read at once when the media is opened. */
const PIECE_BYTES = 65_536

/**
 * Opens the bytes of a record's content without waiting: small media that are in memory, small ranges that were
 * verified a short while ago. `undefined` when they must be waited for.
 */
export function openInMemory(
  engine: Engine,
  record: MediaRecord,
  options: OpenOptions,
): MediaReader | undefined {
  const { content } = record
  checkServable(content)
  const range = clampRange(options.range, content.sizeBytes)
  const cached = engine.cache.get(content.blobId)
  if (cached === undefined) return openVerified(engine, record, range)
  const bytes =
    rangeBytes(range) === cached.length ? cached : cached.subarray(range.start, range.endExclusive)
  if (engine.tiers.isCounting) countRead(engine, content, range)
  return createBufferedReader(record, range, cachedTier(engine, content), bytes)
}

/** A range whose chunks were verified a short while ago, of a file that is still the same. */
function openVerified(engine: Engine, record: MediaRecord, range: ByteRange): MediaReader | undefined {
  const sizeBytes = rangeBytes(range)
  if (sizeBytes > PIECE_BYTES) return undefined
  const [nearest] = engine.volumes.reachable(record.content.placements)
  if (nearest?.volume.store.readNow === undefined) return undefined
  const { placement, volume } = nearest
  const verified = engine.memo.recent(placement.id)
  if (verified?.covers(range) !== true) return undefined
  const bytes = Buffer.allocUnsafe(sizeBytes)
  // The stamp is that of the file after the read: another one, and nothing of it was verified.
  const stamp = nearest.volume.store.readNow(placement.key, bytes, range.start)
  if (stamp !== verified.stamp) return undefined
  if (engine.tiers.isCounting) countRead(engine, record.content, range)
  return createBufferedReader(record, range, volume.tier, bytes)
}

/** What is read from memory is hot all the same. */
function countRead(engine: Engine, { blobId, placements }: ContentRecord, range: ByteRange): void {
  const [nearest] = engine.volumes.reachable(placements)
  if (nearest !== undefined) engine.tiers.served(nearest.volume, blobId, rangeBytes(range))
}

/** Which tier bytes in memory count for. */
function cachedTier(engine: Engine, { placements }: ContentRecord): string {
  return engine.volumes.reachable(placements)[0]?.volume.tier ?? 'memory'
}

/**
 * Opens the bytes of a record's content, from the nearest placement that has them.
 * @returns `undefined` when no live placement of the record has its bytes: the record may be outdated, ask the catalog again.
 */
export async function openContent(
  engine: Engine,
  record: MediaRecord,
  options: OpenOptions,
): Promise<MediaReader | undefined> {
  const { content } = record
  checkServable(content)
  const range = clampRange(options.range, content.sizeBytes)
  const opened = await openPlacements(engine, record, range, options)
  if (opened === undefined) return undefined
  if (opened.bytes !== undefined) return createBufferedReader(record, range, opened.tier, opened.bytes)
  const { placement } = opened
  let leave = (): void => {}
  const reader = createReader({
    media: snapshotOf(record),
    range,
    etag: etagOf(content),
    tier: opened.tier,
    source: opened.source,
    pool: engine.pool,
    release() {
      leave()
      return opened.release()
    },
    onError(error) {
      if (isMediaError(error, 'MEDIA_CORRUPT')) reportCorrupt(engine, content, placement)
    },
  })
  leave = engine.activity.hold((reason) => reader.abort(reason))
  return reader
}

/** @throws MediaError MEDIA_NOT_READY, MEDIA_HELD or MEDIA_ABSENT by the content's state. */
function checkServable({ state }: ContentRecord): void {
  switch (state) {
    case 'active':
      return
    case 'pending':
      throw new MediaError('MEDIA_NOT_READY', 'the media is not verified yet', {
        reason: 'pending',
        retryAfterMs: 2_000,
      })
    case 'quarantined':
      throw new MediaError('MEDIA_HELD', 'the media is held in quarantine', { reason: 'quarantined' })
    case 'rejected':
      throw new MediaError('MEDIA_ABSENT', 'the media was rejected', { reason: 'rejected' })
  }
}

async function openPlacements(
  engine: Engine,
  record: MediaRecord,
  range: ByteRange,
  { signal, cold = 'stream' }: OpenOptions,
): Promise<Opened | undefined> {
  const { content } = record
  const reachable = engine.volumes.reachable(content.placements)
  if (reachable.length === 0 && content.placements.length > 0)
    throw new MediaError('MEDIA_NOT_READY', 'the bytes are on a volume of another host', {
      reason: 'other-host',
      retryAfterMs: OTHER_HOST_RETRY_MS,
    })
  let failure: unknown
  for (const one of reachable) {
    try {
      const opened = one.volume.serves
        ? await openPlacement(engine, record, one, range, signal)
        : await openCold(engine, record, one, range, cold, signal)
      if (opened !== undefined) {
        if (engine.tiers.isCounting) engine.tiers.served(one.volume, content.blobId, rangeBytes(range))
        return opened
      }
      // Absent, says the store. Only a volume that is there may say so.
      one.volume.doubt()
      await one.volume.checkOnline()
      if (!one.placement.owned) throw objectChanged(one.placement)
      failure ??= corruptBytes(one.placement.id, 'bytes-missing', 'the volume has no such object')
    } catch (error) {
      signal?.throwIfAborted()
      if (isObjectChanged(error)) engine.external.noticed(one.volume, one.placement, record)
      if (isMediaError(error, 'MEDIA_CORRUPT')) reportCorrupt(engine, content, one.placement)
      failure = error
    }
  }
  if (failure === undefined || isMediaError(failure, 'MEDIA_CORRUPT')) {
    if (failure !== undefined && (failure as { reason?: string }).reason !== 'bytes-missing') throw failure
    return undefined
  }
  throw failure
}

/** Bytes that no nearer volume has: a load that is under way is followed, else the volume itself is read. */
async function openCold(
  engine: Engine,
  record: MediaRecord,
  from: ReachablePlacement,
  range: ByteRange,
  cold: 'stream' | 'wait' | 'refuse',
  signal: AbortSignal | undefined,
): Promise<Opened | undefined> {
  const { content } = record
  const load = await engine.tiers.loadFor(record, from, cold)
  if (load === undefined) return openPlacement(engine, record, from, range, signal)
  if (cold === 'wait') {
    await untilAbort(load.done, signal)
    const now = await engine.catalog.get(record.namespace, record.id)
    const here = engine.volumes
      .reachable(now?.content.blobId === content.blobId ? now.content.placements : [])
      .find(({ volume }) => volume.serves)
    return here === undefined
      ? openPlacement(engine, record, from, range, signal)
      : openPlacement(engine, record, here, range, signal)
  }
  const expected = expectedBytes(engine, content, from.placement.id)
  const isWhole = rangeBytes(range) === content.sizeBytes
  const wide = isWhole ? range : widenToChunks(range, content.sizeBytes)
  const bytes = followLoad(load, from, wide, signal)
  if (bytes === undefined) return openPlacement(engine, record, from, range, signal)
  return {
    tier: load.volume.tier,
    placement: from.placement,
    release: async () => {
      bytes.destroy()
    },
    source: { kind: 'stream', open: () => verified(bytes, range, isWhole, expected) },
  }
}

/** Ends with an error also when the store's stream only closes: a pipe would wait for ever. */
async function verified(
  bytes: Readable,
  range: ByteRange,
  isWhole: boolean,
  expected: ExpectedBytes,
): Promise<Readable> {
  const check = isWhole ? verifyWhole(expected) : verifyRange(range, await expected.chunkSums(), expected)
  return pipeline(bytes, check, () => {})
}

async function openPlacement(
  engine: Engine,
  record: MediaRecord,
  { placement, volume }: ReachablePlacement,
  range: ByteRange,
  signal: AbortSignal | undefined,
): Promise<Opened | undefined> {
  const { content } = record
  const { store } = volume
  const call = signal === undefined ? {} : { signal }
  const expected = expectedBytes(engine, content, placement.id)
  if (store.openFile !== undefined) {
    const file = await store.openFile(placement.key, call)
    return file === undefined
      ? undefined
      : openFile(engine, content, { placement, volume }, file, range, expected)
  }
  const isWhole = rangeBytes(range) === content.sizeBytes
  // One request: what it answers says whether the object is there.
  const reader = await store.get(placement.key, {
    ...call,
    ...(isWhole ? {} : { range: widenToChunks(range, content.sizeBytes) }),
  })
  if (reader === undefined) return undefined
  if (!isUnchanged(reader.head, placement)) {
    await reader[Symbol.asyncDispose]()
    throw objectChanged(placement)
  }
  const isNew = content.digest === undefined && !placement.owned && isWhole
  return {
    tier: volume.tier,
    placement,
    release: async () => {
      await reader[Symbol.asyncDispose]()
    },
    source: {
      kind: 'stream',
      open: async () =>
        isNew
          ? pipeline(reader.stream(), learning(engine, record, placement.id), () => {})
          : verified(reader.stream(), range, isWhole, expected),
    },
  }
}

async function openFile(
  engine: Engine,
  content: ContentRecord,
  { placement, volume }: ReachablePlacement,
  file: ObjectFile,
  range: ByteRange,
  expected: ExpectedBytes,
): Promise<Opened> {
  try {
    if (file.sizeBytes !== content.sizeBytes)
      throw corruptBytes(placement.id, 'short', `${file.sizeBytes} of ${content.sizeBytes} bytes are there`)
    if (content.sizeBytes <= engine.cacheObjectBytes) {
      const bytes = await readVerifiedObject(file, expected)
      engine.cache.put(content.blobId, bytes)
      await file.close()
      return { tier: volume.tier, bytes: bytes.subarray(range.start, range.endExclusive) }
    }
    const verified = engine.memo.of(placement.id, file.stamp(), content.sizeBytes)
    if (rangeBytes(range) <= PIECE_BYTES) {
      const bytes = await readVerifiedRange(file, range, expected, verified)
      await file.close()
      return { tier: volume.tier, bytes }
    }
    return {
      tier: volume.tier,
      placement,
      source: { kind: 'blocks', open: (pool) => createBlockReader(file, range, expected, verified, pool) },
      release: () => file.close(),
    }
  } catch (error) {
    await file.close()
    throw error
  }
}

function expectedBytes(engine: Engine, content: ContentRecord, placementId: string): ExpectedBytes {
  let sums: Promise<Uint8Array | undefined> | undefined
  return {
    placementId,
    digest: content.digest,
    sizeBytes: content.sizeBytes,
    chunkSums() {
      sums ??= engine.chunkSums(content.blobId)
      return sums
    },
  }
}

/** Damaged bytes are never served again from there; a put of the same bytes, or a repair, makes a new placement. */
function reportCorrupt(
  engine: Engine,
  content: ContentRecord,
  placement: ReachablePlacement['placement'],
): void {
  engine.cache.delete(content.blobId)
  engine.memo.forget(placement.id)
  tellCorrupt(engine, placement)
  // What is not ours is not ours to condemn: it is verified with every read, and may be right the next time.
  if (!placement.owned) return
  engine.catalog.markBad(placement.id).catch((error: unknown) => {
    tellUpkeepFailed(engine, 'mark-bad', toFailure(error))
  })
}

/** A record whose bytes are in no placement that can be read. */
export function unreadable(content: ContentRecord): MediaError {
  return new MediaError('MEDIA_CORRUPT', `no intact copy of blob ${content.blobId} can be reached`, {
    reason: 'no-intact-copy',
  })
}
