import { digestHex } from '../bytes/digest.ts'
import type { PortableMedia } from '../contracts/catalog.ts'
import type { LostMedia, RebuildOptions, RebuildProgress } from '../contracts/media-store.ts'
import { isMediaError } from '../errors/media-error.ts'
import { headOfLine, parseGone, parseMedia } from '../journal/index.ts'
import type { Volume } from '../tiering/volume.ts'
import { digestInKey, recordOfObject } from './adopt-object.ts'
import { callCheck } from './call-check.ts'
import type { UpkeepContext } from './context.ts'
import { type FoundObjects, listObjects } from './found-objects.ts'
import { newestRevisions, readJournals } from './journal-lines.ts'

/** Records of one transaction: its chunk sums are in memory at once. */
const IMPORT_RECORDS = 200
/** Keys that the catalog is asked about at once. */
const KEYS = 500

interface Run {
  readonly context: UpkeepContext
  readonly volumes: readonly Volume[]
  readonly found: FoundObjects
  readonly total: { -readonly [Member in keyof Counts]: Counts[Member] }
  readonly offline: Set<string>
  readonly signal: AbortSignal | undefined
  /** Volumes that are not here, by the media without bytes here that has a copy there. */
  readonly away: Map<string, Set<string>>
  lost: LostMedia[]
  check(): void
}
type Counts = Omit<RebuildProgress, 'lost' | 'offlineVolumes'>

/**
 * Fills the catalog from what the volumes keep. Two readings of the journals: the first learns which revision of each media
 * counts, the second puts those back whose bytes a volume has. A third tells of what is left, where something is. Before the
 * second the volumes are listed, so that the bytes of every line that the first reading saw are in the list. Memory grows with
 * media and objects: an id and a number, a key and a few facts.
 */
export async function* rebuildCatalog(
  context: UpkeepContext,
  { adoptUnknown = false, signal }: RebuildOptions,
): AsyncGenerator<RebuildProgress> {
  const check = callCheck(context, signal)
  check()
  const { volumes, offline } = await volumesHere(context)
  const newest = await newestRevisions(volumes, check)
  const run: Run = {
    context,
    volumes,
    found: await listObjects(volumes, check),
    offline,
    signal,
    check,
    away: new Map(),
    lost: [],
    total: {
      restored: 0,
      alreadyThere: 0,
      lostMedia: 0,
      unreachableMedia: 0,
      unknownObjects: 0,
      adoptedObjects: 0,
      damagedLines: 0,
    },
  }
  yield progressOf(run)
  yield* restoreRecords(run, newest)
  yield* lookAtUnknown(run, adoptUnknown)
}

async function volumesHere({
  volumes,
  catalog,
}: UpkeepContext): Promise<{ readonly volumes: readonly Volume[]; readonly offline: Set<string> }> {
  const here: Volume[] = []
  const offline = new Set((await catalog.listVolumes()).map(({ id }) => id))
  for (const volume of volumes.all) {
    if (volume.role === 'external') {
      offline.delete(volume.id)
      continue // its objects are known by import
    }
    try {
      await volume.checkOnline()
      here.push(volume)
      offline.delete(volume.id)
    } catch (error) {
      if (!isMediaError(error)) throw error
      offline.add(volume.id)
    }
  }
  return { volumes: here, offline }
}

async function* restoreRecords(run: Run, newest: Map<string, number>): AsyncGenerator<RebuildProgress> {
  const { total, found } = run
  let batch: PortableMedia[] = []
  for await (const { lines, damaged } of readJournals(run.volumes, run.check)) {
    total.damagedLines += damaged
    for (const line of lines) {
      const media = parseMedia(line)
      if (media === undefined) {
        if (parseGone(line) === undefined) total.damagedLines++
        continue
      }
      for (const { volumeId, key } of media.placements) {
        const object = found.get(volumeId)?.get(key)
        if (object !== undefined) object.isNamed = true
      }
      if (newest.get(media.id) !== media.revision) continue
      // Without bytes it waits: a line of the same revision may name a copy that was made later.
      const reachable = withFoundCopies(run, media)
      if (reachable === undefined) {
        noteAway(run, media)
        continue
      }
      newest.delete(media.id)
      batch.push(reachable)
      if (batch.length < IMPORT_RECORDS) continue
      await importBatch(run, batch)
      batch = []
      yield progressOf(run)
    }
  }
  await importBatch(run, batch)
  yield progressOf(run)
  if (newest.size > 0) yield* tellWithoutBytes(run, newest)
}

/** What is left: no line of the revision that counts names bytes that are here. Those that moved since are found by their digest. */
async function* tellWithoutBytes(run: Run, newest: Map<string, number>): AsyncGenerator<RebuildProgress> {
  const moved = movedObjects(run.found)
  for await (const { lines } of readJournals(run.volumes, run.check)) {
    for (const line of lines) {
      const head = headOfLine(line)
      if (head?.kind !== 'media' || newest.get(head.id) !== head.revision) continue
      const media = parseMedia(line)
      if (media === undefined) continue
      newest.delete(media.id)
      const there = withMovedCopy(run, moved, media)
      if (there === undefined) await tellMedia(run, media)
      else await importBatch(run, [there])
    }
    yield progressOf(run)
  }
}

/** The record with those of its copies that are there with the right size; `undefined` when there is none. */
function withFoundCopies({ context, found }: Run, media: PortableMedia): PortableMedia | undefined {
  let { domain } = media.blob
  const placements = media.placements.filter(({ volumeId, key, storedBytes, owned }) => {
    // Nobody but its owner says what is there now: the next look at it will tell.
    if (!owned) return context.volumes.byId(volumeId)?.role === 'external'
    const object = found.get(volumeId)?.get(key)
    if (object === undefined || object.sizeBytes !== storedBytes) return false
    // One object is a copy of one blob, also when the domain of dedupe was changed between two lines that name it.
    object.domain ??= domain
    domain = object.domain
    return true
  })
  return placements.length === 0 ? undefined : { ...media, blob: { ...media.blob, domain }, placements }
}

interface MovedObject {
  readonly volumeId: string
  readonly key: string
}

/** Objects that no line names, by the digest that their key tells: copies made after the last line of their media. */
function movedObjects(found: FoundObjects): ReadonlyMap<string, MovedObject> {
  const moved = new Map<string, MovedObject>()
  for (const [volumeId, objects] of found)
    for (const [key, { isNamed }] of objects) {
      const digest = isNamed ? undefined : digestInKey(key)
      if (digest !== undefined && !moved.has(digest)) moved.set(digest, { volumeId, key })
    }
  return moved
}

/** The record with the copy that a move made of its bytes. */
function withMovedCopy(
  { found }: Run,
  moved: ReadonlyMap<string, MovedObject>,
  media: PortableMedia,
): PortableMedia | undefined {
  const { blob } = media
  const there = blob.digest === undefined ? undefined : moved.get(digestHex(blob.digest))
  const object = there === undefined ? undefined : found.get(there.volumeId)?.get(there.key)
  if (there === undefined || object === undefined || object.sizeBytes !== blob.sizeBytes) return undefined
  object.isNamed = true
  object.domain ??= blob.domain
  const id = there.key.slice(there.key.indexOf('.') + 1)
  return {
    ...media,
    blob: { ...blob, domain: object.domain },
    placements: [{ id, ...there, owned: true, storedBytes: object.sizeBytes }],
  }
}

function noteAway({ found, away }: Run, { id, placements }: PortableMedia): void {
  for (const { volumeId } of placements) {
    if (found.has(volumeId)) continue
    const volumeIds = away.get(id) ?? new Set()
    away.set(id, volumeIds.add(volumeId))
  }
}

async function tellMedia(run: Run, media: PortableMedia): Promise<void> {
  const { total, context, offline, lost } = run
  const known = await context.catalog.get(media.namespace, media.id)
  if (known !== undefined && known.revision > media.revision) {
    total.alreadyThere++
    return
  }
  const away = run.away.get(media.id)
  if (away !== undefined) {
    for (const volumeId of away) offline.add(volumeId)
    total.unreachableMedia++
    return
  }
  const { id, namespace, key, content, blob } = media
  total.lostMedia++
  lost.push({
    id,
    namespace,
    ...(key === undefined ? {} : { key }),
    filename: content.filename,
    ...(blob.digest === undefined ? {} : { digest: blob.digest }),
  })
}

async function importBatch(run: Run, batch: readonly PortableMedia[]): Promise<void> {
  if (batch.length === 0) return
  const { context, total } = run
  run.check()
  try {
    const written = await context.catalog.importMedia(batch)
    total.restored += written
    total.alreadyThere += batch.length - written
  } catch (error) {
    const isRefused = isMediaError(error, 'MEDIA_CONFLICT') || isMediaError(error, 'MEDIA_BAD_INPUT')
    if (!isRefused) throw error
    // One of them contradicts the catalog: the others are put back all the same.
    if (batch.length === 1) total.damagedLines++
    else for (const media of batch) await importBatch(run, [media])
  }
}

async function* lookAtUnknown(run: Run, adoptUnknown: boolean): AsyncGenerator<RebuildProgress> {
  const { context, volumes, found, total } = run
  const adopted = new Map<string, PortableMedia>()
  const taken = adoptUnknown ? digestsOfNamed(found) : new Set<string>()
  for (const volume of volumes) {
    const unnamed = [...(found.get(volume.id) ?? [])].flatMap(([key, { isNamed }]) => (isNamed ? [] : [key]))
    let adoptedHere = 0
    for (let at = 0; at < unnamed.length; at += KEYS) {
      run.check()
      const keys = await context.catalog.unknownKeys(volume.id, unnamed.slice(at, at + KEYS))
      total.unknownObjects += keys.length
      if (adoptUnknown)
        for (const key of keys) if (await adoptObject(run, volume, key, taken, adopted)) adoptedHere++
      total.adoptedObjects += adoptedHere
      if (adoptedHere > 0) context.journal.doubt(volume.id)
      adoptedHere = 0
      yield progressOf(run)
    }
  }
}

/** A copy of what a record has already needs no second record. */
function digestsOfNamed(found: FoundObjects): Set<string> {
  const digests = new Set<string>()
  for (const objects of found.values())
    for (const [key, { domain }] of objects) {
      const digest = domain === undefined ? undefined : digestInKey(key)
      if (digest !== undefined) digests.add(digest)
    }
  return digests
}

async function adoptObject(
  run: Run,
  volume: Volume,
  key: string,
  taken: ReadonlySet<string>,
  adopted: Map<string, PortableMedia>,
): Promise<boolean> {
  run.check()
  const named = digestInKey(key)
  if (named !== undefined && taken.has(named)) return false
  const record = await recordOfObject(run.context, volume, key, run.signal)
  const digest = record?.blob.digest
  if (record === undefined || digest === undefined) return false
  const before = adopted.get(digest)
  adopted.set(digest, before ?? record)
  await run.context.catalog.importMedia([
    before === undefined ? record : { ...before, placements: record.placements },
  ])
  return true
}

function progressOf(run: Run): RebuildProgress {
  const lost = run.lost
  run.lost = []
  return { ...run.total, lost, offlineVolumes: [...run.offline] }
}
