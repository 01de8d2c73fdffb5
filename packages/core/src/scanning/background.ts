import { placementSource } from '../cas/placement-source.ts'
import type { Digest } from '../contracts/bytes.ts'
import type { BlobVerdict, Catalog, MediaRecord } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { MediaState } from '../contracts/media.ts'
import { MAX_BACKGROUND_SCANS, MAX_WAITING_SCANS, SCAN_ATTEMPTS, SCAN_RETRY_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { Volumes } from '../tiering/volumes.ts'
import { pause } from '../time/pause.ts'
import type { Scanning } from './scanning.ts'

export interface BackgroundContext {
  readonly catalog: Catalog
  readonly volumes: Volumes
  readonly clock: Clock
  readonly scanning: Scanning
  /** After the states of contents were settled: lines, events. */
  settled(records: readonly MediaRecord[], state: MediaState): Promise<void>
  failed(task: string, error: unknown): void
}

/** Bytes whose contents wait, or that are to be looked at again. */
export interface BlobToScan {
  readonly blobId: string
  readonly digest: Digest
  readonly sizeBytes: number
  readonly contentType: string
  readonly domain: string
}

export interface BackgroundScans {
  /** Looks by itself, soon. What does not fit in memory, or fails to the last, waits in the catalog for the next round. */
  soon(blob: BlobToScan): void
  /** Looks now, and settles all contents of these bytes. @returns how many media were changed, and what was found */
  now(
    blob: BlobToScan,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly verdict: BlobVerdict; readonly changed: number }>
  /** Holds back every content of bytes in which something was found. Never throws: what is left is found by the next look at all. */
  hold(blobId: string, verdict: BlobVerdict): Promise<void>
  close(): Promise<void>
}

/** Contents settled in one transaction. */
const SETTLE_BATCH = 100

/** Looks that nobody waits for. */
export function createBackgroundScans(context: BackgroundContext, maxConcurrent?: number): BackgroundScans {
  const { clock, scanning } = context
  const waiting = new Map<string, BlobToScan>()
  const lanes = new Set<Promise<void>>()
  const closing = new AbortController()

  const look = async (
    blob: BlobToScan,
    signal: AbortSignal | undefined,
  ): Promise<{ verdict: BlobVerdict; changed: number }> => {
    const source = await sourceOf(context, blob)
    const { digest, contentType, domain } = blob
    const { state, verdict } = await scanning.look({ source, digest, contentType, domain }, signal)
    // Somebody may have let it out while it was looked at.
    const now = await context.catalog.verdictOf(domain, digest)
    if (now?.verdict === 'released') return { verdict: now, changed: 0 }
    const changed = await settleBlob(context, blob.blobId, verdict, state)
    return { verdict, changed }
  }
  const tryAgain = async (blob: BlobToScan): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await look(blob, closing.signal)
        return
      } catch (error) {
        if (closing.signal.aborted) return
        if (attempt >= SCAN_ATTEMPTS) {
          context.failed('scan', error)
          return
        }
        await pause(SCAN_RETRY_MS * 2 ** (attempt - 1), clock, closing.signal).catch(() => {})
      }
    }
  }
  const runLane = async (): Promise<void> => {
    for (;;) {
      const [next] = waiting.values()
      if (next === undefined || closing.signal.aborted) return
      waiting.delete(next.blobId)
      await tryAgain(next)
    }
  }
  return {
    soon(blob) {
      if (closing.signal.aborted || waiting.size >= MAX_WAITING_SCANS) return
      waiting.set(blob.blobId, blob)
      if (lanes.size >= (maxConcurrent ?? MAX_BACKGROUND_SCANS)) return
      const lane = runLane().finally(() => lanes.delete(lane))
      lanes.add(lane)
    },
    now: look,
    async hold(blobId, verdict) {
      try {
        await settleBlob(context, blobId, verdict, 'quarantined')
      } catch (error) {
        context.failed('scan', error)
      }
    },
    async close() {
      closing.abort(new MediaError('MEDIA_CLOSED', 'the store is closed'))
      waiting.clear()
      await Promise.all(lanes)
    },
  }
}

/**
 * Writes the verdict and moves the contents of these bytes where it wants them.
 * @returns how many media were changed
 */
export async function settleBlob(
  { catalog, settled }: Pick<BackgroundContext, 'catalog' | 'settled'>,
  blobId: string,
  verdict: BlobVerdict,
  to: Extract<MediaState, 'active' | 'quarantined'>,
): Promise<number> {
  // What is let out by a look is what waited for one; what was found bad before is let out only by somebody.
  const from: readonly MediaState[] =
    to === 'quarantined'
      ? ['pending', 'active']
      : verdict.verdict === 'released'
        ? ['pending', 'quarantined']
        : ['pending']
  let changed = 0
  for (;;) {
    const { records, more } = await catalog.settleVerdict(blobId, verdict, { from, to, limit: SETTLE_BATCH })
    changed += records.length
    await settled(records, to)
    if (!more) return changed
  }
}

async function sourceOf(
  { catalog, volumes }: BackgroundContext,
  { blobId, digest, sizeBytes }: BlobToScan,
): Promise<ReturnType<typeof placementSource>> {
  const copies = await catalog.copiesOf(blobId)
  let away: unknown
  for (const { volumeId, state, key } of copies?.placements ?? []) {
    const volume = volumes.byId(volumeId)
    if (state !== 'live' || volume === undefined) continue
    try {
      await volume.checkOnline()
      return placementSource(volume.store, { key, sizeBytes, digest, cause: 'verify' })
    } catch (error) {
      if (!isMediaError(error)) throw error
      away ??= error
    }
  }
  throw (
    away ??
    new MediaError('MEDIA_UNAVAILABLE', 'no copy of the bytes is within reach', { reason: 'volume-offline' })
  )
}
