import { verdictText } from '../catalog/index.ts'
import type { Digest } from '../contracts/bytes.ts'
import type { BlobVerdict, Catalog, MediaRecord } from '../contracts/catalog.ts'
import type { Clock } from '../contracts/clock.ts'
import type { MediaState } from '../contracts/media.ts'
import { MAX_BACKGROUND_SCANS, MAX_WAITING_SCANS, SCAN_ATTEMPTS, SCAN_RETRY_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'
import { type BlobName, liveCopySource } from '../tiering/live-copy.ts'
import type { Volumes } from '../tiering/volumes.ts'
import { pause } from '../time/pause.ts'
import { type Scanning, stateOf } from './scanning.ts'

export interface BackgroundContext {
  readonly catalog: Catalog
  readonly volumes: Volumes
  readonly clock: Clock
  readonly scanning: Scanning
  /** After the states of contents were settled: lines, events. */
  settled(
    records: readonly MediaRecord[],
    to: { readonly state: MediaState; readonly digest: Digest; readonly verdict: BlobVerdict },
  ): Promise<void>
  failed(task: string, error: unknown): void
}

/** Bytes whose contents wait, or that are to be looked at again. */
export interface BlobToScan extends BlobName {
  readonly contentType: string
  readonly domain: string
}

export interface SettledBlob {
  /** What is known of the bytes now: what was found, or what was found meanwhile by a newer look. */
  readonly verdict: BlobVerdict
  /** Media that were changed. */
  readonly changed: number
}

export interface BackgroundScans {
  /** Looks by itself, soon. What does not fit in memory, or fails to the last, waits in the catalog for the next round. */
  soon(blob: BlobToScan): void
  /** Looks now, and settles all contents of these bytes. */
  now(blob: BlobToScan, signal: AbortSignal | undefined): Promise<SettledBlob>
  /** Holds back every content of bytes in which something was found. Never throws: what is left is found by the next look at all. */
  hold(blob: Pick<BlobName, 'blobId' | 'digest'>, verdict: BlobVerdict): Promise<void>
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

  const look = async (blob: BlobToScan, signal: AbortSignal | undefined): Promise<SettledBlob> => {
    const source = await liveCopySource(context, blob)
    const { digest, contentType, domain } = blob
    const { verdict } = await scanning.look({ source, digest, contentType, domain }, signal)
    return settleBlob(context, blob, verdict)
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
    async hold(blob, verdict) {
      try {
        await settleBlob(context, blob, verdict)
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

/** Writes the verdict, unless a newer one stands, and moves the contents of these bytes where the one that stands wants them. */
export async function settleBlob(
  { catalog, settled }: Pick<BackgroundContext, 'catalog' | 'settled'>,
  { blobId, digest }: Pick<BlobName, 'blobId' | 'digest'>,
  given: BlobVerdict,
): Promise<SettledBlob> {
  let verdict = given
  let changed = 0
  for (;;) {
    const to = stateOf(verdict)
    const contents = { from: movedBy(verdict), to, limit: SETTLE_BATCH }
    const { records, more, stands = verdict } = await catalog.settleVerdict(blobId, verdict, contents)
    changed += records.length
    await settled(records, { state: to, digest, verdict })
    const isOurs = verdictText(stands) === verdictText(verdict)
    if (isOurs && !more) return { verdict, changed }
    verdict = stands
  }
}

/** In which states contents are moved by a verdict. */
function movedBy(verdict: BlobVerdict): readonly MediaState[] {
  // What is let out by a look is what waited for one; what was found bad before is let out only by somebody.
  if (stateOf(verdict) === 'quarantined') return ['pending', 'active']
  return verdict.verdict === 'released' ? ['pending', 'quarantined'] : ['pending']
}
