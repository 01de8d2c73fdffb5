import { isPhysicalKey } from '../cas/physical-key.ts'
import type { Journal, ObjectHead } from '../contracts/object-store.ts'
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

type Orphan = NonNullable<ReturnType<Orphans['found']['get']>>[number]

interface Listed {
  readonly orphans: readonly Orphan[]
  /** Of all orphans, also those that were not remembered: brakes go by it. */
  readonly count: number
  readonly foreign: number
}

/**
 * Lists the volumes and asks the catalog for every key. No put has bytes without a row, so that an object without one is
 * what a power cut left of a put that was never acknowledged, or belongs to a catalog that was lost or set back: which is why
 * it leaves like all garbage, after a grace, and counts for the brakes. What a journal here knows as bytes of a record
 * stays. A volume without a journal, such as a bucket, may hold what only the journal of another host names: nothing leaves it
 * while one of those here tells of a record that the catalog has lost, or cannot be read. A listing that fails leaves its volume out.
 */
export async function findOrphans(
  context: UpkeepContext,
  graceMs: number,
  signal: AbortSignal | undefined,
): Promise<Orphans> {
  const listed = new Map<Volume, Listed>()
  let foreign = 0
  for (const volume of context.volumes.all) {
    if (volume.role === 'external') continue // nothing there is ours to clean
    await unlessFailing(context, signal, async () => {
      const found = await orphansOn(context, volume, graceMs, signal)
      foreign += found.foreign
      listed.set(volume, found)
    })
  }
  const keys = new Set([...listed.values()].flatMap(({ orphans }) => orphans.map(({ key }) => key)))
  const { claimed, unread } = await claimsOn(context, keys, signal)
  const found = new Map<string, readonly Orphan[]>()
  let count = 0
  let recoverable = 0
  for (const [volume, { orphans, count: all }] of listed) {
    const hasOwn = volume.store.journal !== undefined
    if (hasOwn ? unread.has(volume) : unread.size > 0) continue
    const isSpared = !hasOwn && claimed.size > 0
    const leaving = isSpared ? [] : orphans.filter(({ key }) => !claimed.has(key))
    const kept = orphans.length - leaving.length
    count += isSpared ? 0 : all - kept
    recoverable += isSpared ? all : kept
    found.set(volume.id, leaving)
  }
  return { found, count, foreign, recoverable }
}

/** What the journals here name of these keys, and the volumes whose journal could not be asked. */
async function claimsOn(
  context: UpkeepContext,
  keys: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<{ readonly claimed: ReadonlySet<string>; readonly unread: ReadonlySet<Volume> }> {
  if (keys.size === 0) return { claimed: new Set(), unread: new Set() }
  const unread = new Set(context.volumes.all.filter(({ role, store }) => role === 'home' && store.journal))
  const journals: Journal[] = []
  for (const volume of [...unread]) {
    const { journal } = volume.store
    if (journal === undefined) continue
    await unlessFailing(context, signal, async () => {
      await volume.checkOnline()
      journals.push(journal)
      unread.delete(volume)
    })
  }
  let claimed: ReadonlySet<string> | undefined
  await unlessFailing(context, signal, async () => {
    claimed = await claimedKeys(journals, keys, signal)
  })
  if (claimed !== undefined) return { claimed, unread }
  return { claimed: new Set(), unread: new Set(context.volumes.all) }
}

/** One volume that is away does not keep the others from it. */
async function unlessFailing(
  context: UpkeepContext,
  signal: AbortSignal | undefined,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    signal?.throwIfAborted()
    if (!isMediaError(error) || isMediaError(error, 'MEDIA_CLOSED')) throw error
    tellUpkeepFailed(context, 'list-volume', error)
  }
}

async function orphansOn(
  context: UpkeepContext,
  volume: Volume,
  graceMs: number,
  signal: AbortSignal | undefined,
): Promise<Listed> {
  const orphans: Orphan[] = []
  let count = 0
  let foreign = 0
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
  return { orphans, count, foreign }
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
