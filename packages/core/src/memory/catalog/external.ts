import { checkExternal, decodeWalkCursor, encodeWalkCursor } from '../../catalog/index.ts'
import type {
  Catalog,
  ExternalObject,
  ExternalOutcome,
  ExternalPage,
  KnownExternal,
  RegisterExternal,
  WalkOptions,
} from '../../contracts/catalog.ts'
import { MediaError } from '../../errors/media-error.ts'
import { addPlacement, createBlob, isUnneeded, removeBlob, removePlacement } from './blobs.ts'
import { writeContent } from './commit.ts'
import { removeMedia } from './records.ts'
import { servingContent } from './snapshots.ts'
import {
  type BlobRow,
  compositeKey,
  type MediaRow,
  type MemoryTables,
  namespaceOf,
  type PlacementRow,
} from './tables.ts'

/** Checks all of them first and then takes them in. */
export function registerExternal(
  tables: MemoryTables,
  input: RegisterExternal,
  nowMs: number,
): ExternalOutcome[] {
  checkExternal(input)
  checkIds(tables, input)
  return input.objects.map((object) => registerOne(tables, input, object, nowMs))
}

/** @throws MediaError MEDIA_CONFLICT when an id that may be needed is taken. */
function checkIds(tables: MemoryTables, { volumeId, objects }: RegisterExternal): void {
  const seen = new Set<string>()
  for (const object of objects) {
    const known = tables.physicalKeys.get(compositeKey(volumeId, object.key))
    if (known !== undefined && (known.owned || isSame(known, object))) continue
    const { newId, placementId } = object
    if (tables.media.has(newId) || seen.has(newId))
      throw new MediaError('MEDIA_CONFLICT', `the id ${newId} is taken`, { reason: 'id-taken' })
    if (tables.placements.has(placementId) || seen.has(placementId))
      throw new MediaError('MEDIA_CONFLICT', `the placement ${placementId} exists already`, {
        reason: 'placement-taken',
      })
    seen.add(newId).add(placementId)
  }
}

function registerOne(
  tables: MemoryTables,
  input: RegisterExternal,
  object: ExternalObject,
  nowMs: number,
): ExternalOutcome {
  const known = tables.physicalKeys.get(compositeKey(input.volumeId, object.key))
  if (known?.owned === true) return 'taken'
  if (known !== undefined && isSame(known, object)) return 'unchanged'
  const existing = known === undefined ? undefined : recordOfObject(tables, known, input, object)
  const isKeyTaken = namespaceOf(tables, input.namespace).byKey.has(object.mediaKey)
  if (existing === undefined && isKeyTaken) return 'taken'

  const blob = createBlob(tables, {
    domain: '',
    digest: undefined,
    sizeBytes: object.sizeBytes,
    chunkSums: undefined,
  })
  if (known !== undefined) removePlacement(tables, known)
  addExternal(tables, input.volumeId, object, blob)
  const { newId, mediaKey, contentType, filename } = object
  const { namespace, owner, visibility } = input
  writeContent(
    tables,
    existing,
    {
      media: {
        at: { key: mediaKey },
        newId,
        namespace,
        owner,
        ...(existing === undefined ? { visibility } : {}),
      },
      content: { contentType, filename, facts: {}, state: 'active' },
    },
    blob,
    nowMs,
  )
  if (known !== undefined) dropBare(tables, known.blob)
  return existing === undefined ? 'registered' : 'replaced'
}

function isSame({ etag, blob }: PlacementRow, object: ExternalObject): boolean {
  return etag === object.etag && blob.sizeBytes === object.sizeBytes
}

/** The record with the key given, or the only one whose bytes are this object alone: its key was changed. */
function recordOfObject(
  tables: MemoryTables,
  { blob }: PlacementRow,
  { namespace }: RegisterExternal,
  { mediaKey }: ExternalObject,
): MediaRow | undefined {
  const rows = servedFrom(tables, blob).filter((row) => row.namespace === namespace)
  const named = rows.find(({ key }) => key === mediaKey)
  if (named !== undefined) return named
  const isAlone = rows.length === 1 && ![...blob.placements].some(({ owned }) => owned)
  return isAlone ? rows[0] : undefined
}

/** Media whose content that serves is this blob. */
function servedFrom(tables: MemoryTables, blob: BlobRow): MediaRow[] {
  return [...blob.contents].flatMap((content) => {
    const row = tables.media.get(content.mediaId)
    return row !== undefined && servingContent(row) === content ? [row] : []
  })
}

function addExternal(
  tables: MemoryTables,
  volumeId: string,
  { placementId, key, sizeBytes, etag }: ExternalObject,
  blob: BlobRow,
): void {
  addPlacement(tables, {
    id: placementId,
    blob,
    volumeId,
    key,
    owned: false,
    state: 'live',
    storedBytes: sizeBytes,
    etag,
    leavingSinceMs: 0,
    verifiedAtMs: undefined,
  })
}

export function forgetExternal(
  tables: MemoryTables,
  volumeId: string,
  objects: Parameters<Catalog['forgetExternal']>[1],
): number {
  let forgotten = 0
  for (const { key, etag } of objects) {
    const placement = tables.physicalKeys.get(compositeKey(volumeId, key))
    if (placement === undefined || placement.owned || placement.etag !== etag) continue
    removePlacement(tables, placement)
    dropBare(tables, placement.blob)
    forgotten += 1
  }
  return forgotten
}

/** Where a blob has no copy left, live or bad, the records that it served go. */
function dropBare(tables: MemoryTables, blob: BlobRow): void {
  if ([...blob.placements].some(({ state }) => state === 'live' || state === 'bad')) return
  for (const row of servedFrom(tables, blob)) removeMedia(tables, row)
  if (isUnneeded(blob)) removeBlob(tables, blob)
}

export function listExternal(
  tables: MemoryTables,
  volumeId: string,
  { cursor, limit, from }: WalkOptions & { readonly from?: string },
): ExternalPage {
  const [after] = decodeWalkCursor('external', 1, cursor) ?? []
  const isDue = (key: string): boolean => {
    if (after !== undefined) return compareKeys(key, after) > 0
    return from === undefined || compareKeys(key, from) >= 0
  }
  const objects = [...tables.placements.values()]
    .filter((placement) => !placement.owned && placement.volumeId === volumeId && isDue(placement.key))
    .sort((one, other) => compareKeys(one.key, other.key))
    .slice(0, limit + 1)
    .map(knownExternal)
  const last = objects[limit - 1]
  if (last === undefined || objects.length <= limit) return { objects }
  return { objects: objects.slice(0, limit), cursor: encodeWalkCursor('external', last.key) }
}

function compareKeys(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

function knownExternal({ key, etag, blob, id }: PlacementRow): KnownExternal {
  return {
    key,
    ...(etag === undefined ? {} : { etag }),
    sizeBytes: blob.sizeBytes,
    placementId: id,
    blobId: blob.id,
  }
}
