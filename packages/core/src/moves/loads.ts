import { setMaxListeners } from 'node:events'
import type { ByteRange } from '../contracts/bytes.ts'
import type { BlobCopies } from '../contracts/catalog.ts'
import type { StagedFollower, StagingWriter } from '../contracts/object-store.ts'
import type { Lease, SettledState } from '../contracts/resource-states.ts'
import { LOAD_LEASE_MS, LOAD_RETRY_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { type CopyOutcome, copyBlob } from '../ingest/copy.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import type { Volume } from '../tiering/volume.ts'
import type { TierContext } from './context.ts'
import { createThroughput } from './throughput.ts'

const FOLLOW_BLOCK_BYTES = 262_144

/** A blob on its way to a volume that serves it. One of each at a time in a process; among all, one reads and the others wait for it. */
export interface Load {
  readonly volume: Volume
  readonly sizeBytes: number
  /** Never rejects. */
  readonly done: Promise<CopyOutcome | 'failed'>
  estimateMs(): number
  /**
   * The bytes as they come, from the first: nobody asks the source a second time for them. They are not verified yet.
   * `undefined` where the volume cannot give what it is still taking, or another host makes the copy.
   * @throws MediaError MEDIA_UNAVAILABLE `load-ended` when the load fails under way
   */
  follow(range: ByteRange, signal?: AbortSignal): AsyncIterable<Buffer> | undefined
}

export interface Loads {
  current(blobId: string): Load | undefined
  /**
   * The load of the blob, begun now where nobody has begun it. `undefined`: there is no place for it, another host loads it,
   * or it is there.
   * @param place where to; asked only when nobody has begun
   * @param options `waits`: also for one of another host, which is a load that reads nothing
   */
  start(
    blob: Pick<BlobCopies, 'blobId' | 'sizeBytes'>,
    place: () => Promise<Volume | undefined>,
    options?: { readonly waits: boolean },
  ): Promise<Load | undefined>
  /** How long a load takes, by what was seen of late. */
  estimateMs(sizeBytes: number): number
  close(): Promise<void>
}

export function createLoads(context: TierContext): Loads {
  const loads = new Map<string, Load>()
  const starting = new Map<string, Promise<Load | undefined>>()
  const throughput = createThroughput()
  const closing = new AbortController()
  setMaxListeners(0, closing.signal) // some for each load under way

  const claim = (blobId: string, sizeBytes: number): Promise<Lease | undefined> =>
    context.states.claim(blobId, { ttlMs: LOAD_LEASE_MS, estimateMs: throughput.estimateMs(sizeBytes) })

  /** The catalog has no serving copy, so that a state that says so is of before its eviction. */
  async function claimOutdated(blobId: string, sizeBytes: number): Promise<Lease | undefined> {
    const [known] = await context.states.read([blobId])
    if (known?.state !== 'ready') return undefined
    await context.states.invalidate([blobId])
    return claim(blobId, sizeBytes)
  }

  const isLoading = async (blobId: string): Promise<boolean> =>
    (await context.states.read([blobId]))[0]?.state === 'loading'

  async function begin(
    { blobId, sizeBytes }: Pick<BlobCopies, 'blobId' | 'sizeBytes'>,
    place: () => Promise<Volume | undefined>,
    waits: boolean,
  ): Promise<Load | undefined> {
    const volume = await place()
    if (volume === undefined || closing.signal.aborted) return undefined
    const lease = (await claim(blobId, sizeBytes)) ?? (await claimOutdated(blobId, sizeBytes))
    // The catalog knows the other host as well, and when it is done; one that gave up is taken over from.
    if (lease === undefined && !(waits && (await isLoading(blobId)))) return undefined
    const load = createLoad(context, { blobId, sizeBytes, volume, lease, signal: closing.signal, throughput })
    loads.set(blobId, load)
    void load.done.then(() => loads.delete(blobId))
    return load
  }

  return {
    current: (blobId) => loads.get(blobId),
    start(blob, place, { waits } = { waits: false }) {
      const now = loads.get(blob.blobId)
      if (now !== undefined) return Promise.resolve(now)
      if (closing.signal.aborted) return Promise.resolve(undefined)
      let begun = starting.get(blob.blobId)
      if (begun === undefined) {
        begun = begin(blob, place, waits).finally(() => starting.delete(blob.blobId))
        starting.set(blob.blobId, begun)
      }
      return begun
    },
    estimateMs: throughput.estimateMs,
    async close() {
      closing.abort(new MediaError('MEDIA_CLOSED', 'the store is closing', { reason: 'closing' }))
      await Promise.allSettled(starting.values())
      await Promise.all([...loads.values()].map(({ done }) => done))
    },
  }
}

interface LoadParts {
  readonly blobId: string
  readonly sizeBytes: number
  readonly volume: Volume
  /** Of the shared states; `undefined` where another host has it. */
  readonly lease: Lease | undefined
  readonly signal: AbortSignal
  readonly throughput: ReturnType<typeof createThroughput>
}

function createLoad(context: TierContext, parts: LoadParts): Load {
  const { blobId, sizeBytes, volume, signal, throughput } = parts
  const { clock, states } = context
  const startedMs = clock.now()
  let lease = parts.lease
  let extendedMs = startedMs
  let receivedBytes = 0
  let writer: StagingWriter | undefined
  let isElsewhere = false
  let isOver = false
  let wake = (): void => {}
  let news = new Promise<void>((resolve) => {
    wake = resolve
  })
  const tell = (): void => {
    wake()
    news = new Promise((resolve) => {
      wake = resolve
    })
  }
  const extend = (): void => {
    if (lease === undefined || clock.now() - extendedMs < LOAD_LEASE_MS / 3) return
    extendedMs = clock.now()
    // A lease that is lost is no reason to stop: what counts is checked by the catalog when the copy is recorded.
    const progress = receivedBytes === 0 ? {} : { progressRatio: receivedBytes / sizeBytes }
    states.extend(lease, { ttlMs: LOAD_LEASE_MS, ...progress }).then(
      (extended) => {
        lease = extended
      },
      () => {},
    )
  }
  const onBytes = (bytes: number): void => {
    receivedBytes = bytes
    tell()
    extend()
  }
  const settle = async (to: SettledState): Promise<void> => {
    if (lease !== undefined) await states.settle(lease, to).catch(() => {})
  }
  const run = async (): Promise<CopyOutcome | 'failed'> => {
    try {
      const outcome = await copyBlob(context, blobId, volume, {
        cause: 'promote',
        signal,
        onBytes,
        // Whoever would follow reads for himself, as where the shared states say that another host loads.
        onElsewhere() {
          isElsewhere = true
          tell()
          extend()
        },
        onStaged(staged) {
          isElsewhere = false
          writer = staged
          tell()
        },
      })
      const tookMs = clock.now() - startedMs
      if (outcome === 'made') {
        throughput.saw(sizeBytes, tookMs)
        context.use.changed(volume.id, sizeBytes)
        context.heat.came(volume.id, blobId, sizeBytes)
        context.journal.doubt(volume.id)
      }
      await settle(
        outcome === 'made' || outcome === 'present'
          ? { state: 'ready', tier: volume.tier, since: new Date(clock.now()) }
          : { state: 'failed', retryAfterMs: LOAD_RETRY_MS, reason: outcome },
      )
      return outcome
    } catch (error) {
      const reason = isMediaError(error) ? (error.reason ?? error.code) : 'failed'
      const retryAfterMs = (isMediaError(error) ? error.retryAfterMs : undefined) ?? LOAD_RETRY_MS
      if (signal.aborted) {
        if (lease !== undefined) await states.release(lease).catch(() => {})
      } else {
        await settle({ state: 'failed', retryAfterMs, reason })
        if (isMediaError(error)) tellUpkeepFailed(context, 'load', error)
      }
      return 'failed'
    } finally {
      isOver = true
      tell()
    }
  }
  const done = run()

  async function* follow(range: ByteRange, ended: AbortSignal | undefined): AsyncGenerator<Buffer> {
    while (writer === undefined) {
      const next = news
      if (isOver || isElsewhere) throw loadEnded()
      await next
    }
    const follower = followerOf(writer)
    try {
      for (let position = range.start; position < range.endExclusive; ) {
        ended?.throwIfAborted()
        const next = news
        const available = Math.min(follower.availableBytes, range.endExclusive) - position
        if (available <= 0) {
          if (isOver) throw loadEnded()
          await next
          continue
        }
        const block = Buffer.allocUnsafe(Math.min(FOLLOW_BLOCK_BYTES, available))
        const filled = await follower.read(block, position)
        if (filled === 0) throw loadEnded()
        position += filled
        yield filled === block.length ? block : block.subarray(0, filled)
      }
    } finally {
      follower.close()
    }
  }

  return {
    volume,
    sizeBytes,
    done,
    estimateMs() {
      const passedMs = clock.now() - startedMs
      if (receivedBytes === 0) return throughput.estimateMs(sizeBytes)
      return Math.ceil((passedMs / receivedBytes) * (sizeBytes - receivedBytes))
    },
    follow: (range, ended) =>
      volume.store.staging === undefined || isElsewhere || isOver ? undefined : follow(range, ended),
  }
}

/** The body may have been adopted, or dropped, before anybody began to read. */
function followerOf(writer: StagingWriter): StagedFollower {
  try {
    const follower = writer.follow?.()
    if (follower !== undefined) return follower
  } catch (error) {
    if (!isMediaError(error) || error.reason !== 'staging-ended') throw error
  }
  throw loadEnded()
}

function loadEnded(): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', 'the load that was followed has ended', { reason: 'load-ended' })
}
