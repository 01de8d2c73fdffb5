import type { PlacementRecord } from '../contracts/catalog.ts'
import type { CollectOptions, GarbageProgress } from '../contracts/media-store.ts'
import { UPLOAD_SWEEP_AFTER_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import { pagesOf } from '../pages.ts'
import { graceOn } from '../tiering/volume.ts'
import { BATCH, RECHECK_BATCH } from './batch.ts'
import { brake } from './brakes.ts'
import { callCheck } from './call-check.ts'
import type { UpkeepContext } from './context.ts'
import { findOrphans, type Orphans } from './orphans.ts'
import { sweepUploads } from './sweep-uploads.ts'

/** What a run has done so far. */
type Total = { -readonly [Name in keyof Omit<GarbageProgress, 'plan'>]: number }

/**
 * Condemns what nothing refers to, then deletes what was condemned long enough ago. Each decision is a catalog transaction that looks
 * again under its lock, so any number of processes may collect beside any number of uploads.
 */
export async function* collectGarbage(
  context: UpkeepContext,
  options: CollectOptions,
): AsyncGenerator<GarbageProgress> {
  const { signal, thorough = false, dryRun = false, force = false } = options
  const graceMs = options.graceMs ?? context.garbageGraceMs
  const uploadsOlderThanMs = parseUploadAge(options)
  const total: Total = {
    condemned: 0,
    freedObjects: 0,
    freedBytes: 0,
    orphans: 0,
    foreign: 0,
    recoverable: 0,
    endedUploads: 0,
  }
  const check = callCheck(context, signal)

  check()
  if (thorough && !dryRun) await recheckAll(context, check)
  const orphans = thorough ? await findOrphans(context, graceMs, signal) : undefined
  const plan = await context.catalog.planGarbage({ graceMs })
  total.foreign = orphans?.foreign ?? 0
  total.recoverable = orphans?.recoverable ?? 0
  if (dryRun) {
    yield { ...total, orphans: orphans?.count ?? 0, plan }
    return
  }
  if (!force) brake(plan, orphans?.count ?? 0, context.maxGarbageRatio)
  if (orphans !== undefined) total.orphans = await leaveOrphans(context, orphans, check)
  yield* condemnAll(context, total, check)
  const online = await onlineVolumes(context, graceMs)
  if (thorough) {
    total.endedUploads = await sweepUploads(context, online, {
      olderThanMs: uploadsOlderThanMs,
      ...(signal === undefined ? {} : { signal }),
    })
    yield { ...total }
  }
  yield* freeAll(context, total, { graceMs, online, check })
}

/** No upload is younger than what is not a number: every one would be ended, those of other hosts that are under way too. */
function parseUploadAge({ uploadsOlderThanMs = UPLOAD_SWEEP_AFTER_MS }: CollectOptions): number {
  if (Number.isSafeInteger(uploadsOlderThanMs) && uploadsOlderThanMs >= 0) return uploadsOlderThanMs
  throw new MediaError('MEDIA_BAD_INPUT', 'uploadsOlderThanMs must be a whole number, 0 or more', {
    reason: 'bad-amount',
  })
}

/** Marks the objects that no row names as leaving. @returns how many of them the catalog still knew no row for */
async function leaveOrphans(context: UpkeepContext, { found }: Orphans, check: () => void): Promise<number> {
  let left = 0
  for (const [volumeId, objects] of found)
    for (let at = 0; at < objects.length; at += BATCH) {
      check()
      left += (await context.catalog.leaveOrphans(volumeId, objects.slice(at, at + BATCH))).length
    }
  return left
}

async function* condemnAll(
  context: UpkeepContext,
  total: Total,
  check: () => void,
): AsyncGenerator<GarbageProgress> {
  for (let more = true; more; ) {
    check()
    const round = await context.catalog.condemn({ limit: BATCH })
    total.condemned += round.condemned
    more = round.more
    yield { ...total }
  }
}

interface FreeOptions {
  readonly graceMs: number
  readonly online: Set<string>
  readonly check: () => void
}

/** Deletes what was condemned long enough ago: volumes of one grace together, for some keep theirs longer. */
async function* freeAll(
  context: UpkeepContext,
  total: Total,
  { graceMs, online, check }: FreeOptions,
): AsyncGenerator<GarbageProgress> {
  const skipped = new Set<string>()
  const graces = new Map(context.volumes.all.map((volume) => [volume.id, graceOn(volume, graceMs)]))
  for (const ms of new Set(graces.values()))
    for (;;) {
      check()
      const batch = await context.catalog.claimGarbage({
        graceMs: ms,
        limit: BATCH + skipped.size,
        volumeIds: [...online].filter((id) => graces.get(id) === ms),
      })
      const garbage = batch.filter(({ id }) => !skipped.has(id))
      if (garbage.length === 0) break
      const freed = await deleteBytes(context, garbage, skipped, online)
      await context.catalog.dropPlacements(freed.map(({ id }) => id))
      for (const placement of freed) {
        total.freedObjects++
        total.freedBytes += placement.storedBytes
      }
      yield { ...total }
    }
}

/** Finds blobs without a reference that nothing had marked. */
async function recheckAll(context: UpkeepContext, check: () => void): Promise<void> {
  const pages = pagesOf((from) => {
    check()
    return context.catalog.recheckBlobs({ limit: RECHECK_BATCH, ...from })
  })
  for await (const _ of pages) continue
}

/** Garbage elsewhere waits: that of volumes that are away, each told once, and that of other hosts, which collect it. */
async function onlineVolumes(context: UpkeepContext, graceMs: number): Promise<Set<string>> {
  const online = new Set<string>()
  for (const volume of context.volumes.all) {
    try {
      await volume.checkOnline()
      online.add(volume.id)
    } catch (error) {
      if (!isMediaError(error)) throw error
      const waiting = await context.catalog.claimGarbage({
        graceMs: graceOn(volume, graceMs),
        limit: 1,
        volumeIds: [volume.id],
      })
      if (waiting.length > 0) tellUpkeepFailed(context, 'collect-garbage', error)
    }
  }
  return online
}

/** Deletes the bytes of each; those that fail, or whose volume went away (told once), wait for the next round. */
async function deleteBytes(
  context: UpkeepContext,
  garbage: readonly PlacementRecord[],
  skipped: Set<string>,
  online: Set<string>,
): Promise<readonly PlacementRecord[]> {
  const freed: PlacementRecord[] = []
  for (const placement of garbage) {
    const volume = context.volumes.byId(placement.volumeId)
    try {
      if (volume === undefined || !online.has(volume.id)) {
        skipped.add(placement.id)
        continue
      }
      online.delete(volume.id) // until it has answered
      await volume.checkOnline()
      online.add(volume.id)
      await volume.store.delete(placement.key, { context: { cause: 'gc' } })
    } catch (error) {
      if (!isMediaError(error)) throw error
      skipped.add(placement.id)
      tellUpkeepFailed(context, 'collect-garbage', error)
      continue
    }
    context.cache.delete(placement.blobId)
    context.memo.forget(placement.id)
    context.emit({
      type: 'gc.freed',
      at: new Date(context.clock.now()),
      volumeId: placement.volumeId,
      key: placement.key,
      sizeBytes: placement.storedBytes,
    })
    freed.push(placement)
  }
  return freed
}
