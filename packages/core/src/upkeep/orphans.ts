import { isPhysicalKey } from '../cas/physical-key.ts'
import type { ObjectHead } from '../contracts/object-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed } from '../ingest/upkeep-failed.ts'
import { pagesOf } from '../pages.ts'
import type { Volume } from '../tiering/volume.ts'
import { sessionOfKey } from '../uploads/direct.ts'
import { isPieceKey } from '../uploads/piece-keys.ts'
import { callCheck } from './call-check.ts'
import type { UpkeepContext } from './context.ts'
import { claimedKeys } from './journal-claims.ts'

/** Orphans remembered of one volume in one run; there are more in the next. */
const MAX_REMEMBERED = 50_000

/** Objects on the volumes that no row of the catalog names, by volume. */
export interface Orphans {
  readonly found: ReadonlyMap<string, readonly { readonly key: string; readonly storedBytes: number }[]>
  readonly count: number
  /** Objects that are none of ours. */
  readonly foreign: number
  /** Bytes of records that the catalog has lost: the journal tells of them. */
  readonly recoverable: number
}

/**
 * Lists the volumes and asks the catalog for every key. No put has bytes without a row, so that an object without one is
 * what a power cut left of a put that was never acknowledged, or belongs to a catalog that was lost or set back: which is why
 * it leaves like all garbage, after a grace, and counts for the brakes. What the volume's journal knows as bytes of a record
 * stays. A listing that fails leaves its volume out.
 */
export async function findOrphans(
  context: UpkeepContext,
  graceMs: number,
  signal: AbortSignal | undefined,
): Promise<Orphans> {
  const found = new Map<string, { key: string; storedBytes: number }[]>()
  let foreign = 0
  let count = 0
  let recoverable = 0
  for (const volume of context.volumes.all) {
    if (volume.role === 'external') continue // nothing there is ours to clean
    try {
      const listed = await orphansOn(context, volume, graceMs, signal)
      foreign += listed.foreign
      count += listed.count
      recoverable += listed.recoverable
      found.set(volume.id, listed.orphans)
    } catch (error) {
      signal?.throwIfAborted()
      if (!isMediaError(error) || isMediaError(error, 'MEDIA_CLOSED')) throw error
      tellUpkeepFailed(context, 'list-volume', error)
    }
  }
  return { found, count, foreign, recoverable }
}

interface Listed {
  readonly orphans: { readonly key: string; readonly storedBytes: number }[]
  readonly count: number
  readonly foreign: number
  readonly recoverable: number
}

async function orphansOn(
  context: UpkeepContext,
  volume: Volume,
  graceMs: number,
  signal: AbortSignal | undefined,
): Promise<Listed> {
  const orphans: { key: string; storedBytes: number }[] = []
  let foreign = 0
  let count = 0
  const check = callCheck(context, signal)
  await volume.checkOnline()
  const pages = pagesOf((from) => {
    check()
    return volume.store.list({
      context: { cause: 'gc' },
      ...from,
      ...(signal === undefined ? {} : { signal }),
    })
  })
  for await (const { objects } of pages) {
    const ours = objects.filter(({ key }) => isPhysicalKey(key))
    // Pieces of bodies on their way in have no row: the sweep of staging knows whose they are.
    foreign += objects.filter(({ key }) => !isPhysicalKey(key) && !isPieceKey(key)).length
    const unknown = new Set(
      await context.catalog.unknownKeys(
        volume.id,
        ours.map(({ key }) => key),
      ),
    )
    for (const object of ours) {
      if (!unknown.has(object.key) || !isOld(context, object, graceMs)) continue
      if (await isOnItsWay(context, object.key)) continue
      count++
      if (orphans.length < MAX_REMEMBERED) orphans.push({ key: object.key, storedBytes: object.sizeBytes })
    }
  }
  // A disk that went away under the listing looks like one with fewer objects.
  volume.doubt()
  await volume.checkOnline()
  const { journal } = volume.store
  if (journal === undefined || orphans.length === 0) return { orphans, foreign, count, recoverable: 0 }
  const claimed = await claimedKeys(journal, new Set(orphans.map(({ key }) => key)), signal)
  return {
    orphans: orphans.filter(({ key }) => !claimed.has(key)),
    foreign,
    count: count - claimed.size,
    recoverable: claimed.size,
  }
}

/** An object of an upload that is still to be looked at: a bucket may tell as its time when its first part came. */
async function isOnItsWay({ catalog }: UpkeepContext, key: string): Promise<boolean> {
  const sessionId = sessionOfKey(key)
  return sessionId !== undefined && (await catalog.isSessionLive(sessionId))
}

/** By the storage's own time of the object. Young ones may be of a process whose catalog was set back a moment ago. */
function isOld(context: UpkeepContext, { modifiedAt }: ObjectHead, graceMs: number): boolean {
  return context.clock.now() - modifiedAt.getTime() >= graceMs
}
