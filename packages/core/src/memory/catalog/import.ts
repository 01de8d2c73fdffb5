import { newId } from '../../bytes/id.ts'
import { distinctLinks, distinctTags, stateUnder, verdictAfter } from '../../catalog/index.ts'
import type { PortableMedia, PortablePlacement } from '../../contracts/catalog.ts'
import { MediaError } from '../../errors/media-error.ts'
import { addPlacement, createBlob, releaseBlob, removeBlob, removePlacement, useBlob } from './blobs.ts'
import { indexMedia, unindexMedia } from './index-media.ts'
import { learnDigest } from './learn.ts'
import { frozenFacts, frozenJson, frozenLinks, frozenTags, frozenVerdict } from './snapshots.ts'
import {
  type BlobRow,
  compositeKey,
  type MediaRow,
  type MemoryTables,
  namespaceOf,
  type PlacementRow,
} from './tables.ts'

/** Checks all of them first and then puts them in. @returns how many records were written. */
export function importMedia(tables: MemoryTables, media: readonly PortableMedia[]): number {
  checkAll(tables, media)
  let written = 0
  for (const one of media) {
    learnOfKnown(tables, one)
    const existing = tables.media.get(one.id)
    const stays = existing !== undefined && existing.revision >= one.revision
    const blob = findBlob(tables, one) ?? (stays ? undefined : newBlob(tables, one))
    if (blob === undefined) continue
    blob.chunkSums ??= one.blob.chunkSums?.slice()
    for (const placement of one.placements) importPlacement(tables, blob, placement)
    blob.verdict = frozenVerdict(
      stays ? (blob.verdict ?? one.blob.verdict) : verdictAfter(blob.verdict, one.blob.verdict),
    )
    if (stays) continue
    writeRecord(tables, one, existing, blob)
    written += 1
  }
  return written
}

function checkAll(tables: MemoryTables, media: readonly PortableMedia[]): void {
  const namespaces = new Map<string, string>()
  for (const { id, namespace, placements } of media) {
    const elsewhere = tables.media.get(id)?.namespace ?? namespaces.get(id) ?? namespace
    if (elsewhere !== namespace)
      throw new MediaError('MEDIA_CONFLICT', `the id ${id} is taken in another namespace`, {
        reason: 'id-taken',
      })
    namespaces.set(id, namespace)
    for (const { volumeId } of placements)
      if (tables.volumes.get(volumeId)?.record === undefined)
        throw new MediaError('MEDIA_BAD_INPUT', `the volume ${volumeId} is not registered`, {
          reason: 'unknown-volume',
        })
  }
}

/** An external object may have been registered anew since its digest was learned. */
function learnOfKnown(tables: MemoryTables, { blob, placements }: PortableMedia): void {
  const { domain, digest, sizeBytes, chunkSums } = blob
  if (digest === undefined || chunkSums === undefined) return
  for (const { volumeId, key, etag } of placements) {
    const known = tables.physicalKeys.get(compositeKey(volumeId, key))
    if (known === undefined || known.owned || etag === undefined || known.etag !== etag) continue
    if (known.blob.digest === undefined && known.blob.sizeBytes === sizeBytes)
      learnDigest(tables, known.blob.id, { domain, digest, chunkSums })
  }
}

function findBlob(tables: MemoryTables, { blob, placements }: PortableMedia): BlobRow | undefined {
  if (blob.digest !== undefined) return tables.blobsByDigest.get(compositeKey(blob.domain, blob.digest))
  for (const { volumeId, key } of placements) {
    const known = tables.physicalKeys.get(compositeKey(volumeId, key))
    if (known !== undefined && !isOrphan(known)) return known.blob
  }
  return undefined
}

function newBlob(tables: MemoryTables, { blob }: PortableMedia): BlobRow {
  const { domain, digest, sizeBytes, chunkSums } = blob
  return createBlob(tables, { domain, digest, sizeBytes, chunkSums })
}

function importPlacement(
  tables: MemoryTables,
  blob: BlobRow,
  { id, volumeId, key, owned, storedBytes, etag }: PortablePlacement,
): void {
  const known = tables.physicalKeys.get(compositeKey(volumeId, key))
  if (known !== undefined) {
    if (!isOrphan(known)) return
    removePlacement(tables, known)
    removeBlob(tables, known.blob)
  }
  addPlacement(tables, {
    id: tables.placements.has(id) ? newId() : id,
    blob,
    volumeId,
    key,
    owned,
    state: 'live',
    storedBytes,
    etag,
    leavingSinceMs: 0,
    verifiedAtMs: undefined,
  })
}

/** An object that was found without a row; now there is somebody who knows it. */
function isOrphan({ state, blob }: PlacementRow): boolean {
  return state === 'leaving' && blob.digest === undefined && blob.contents.size === 0
}

function writeRecord(
  tables: MemoryTables,
  media: PortableMedia,
  existing: MediaRow | undefined,
  blob: BlobRow,
): void {
  if (existing !== undefined) {
    unindexMedia(tables, existing)
    for (const content of existing.contents) releaseBlob(tables, content)
  }
  const { content } = media
  const row: MediaRow = {
    id: media.id,
    namespace: media.namespace,
    key: takeKey(tables, media),
    owner: media.owner,
    visibility: media.visibility,
    revision: media.revision,
    tags: frozenTags(distinctTags(media.tags)),
    metadata: frozenJson(media.metadata),
    links: frozenLinks(distinctLinks(media.links)),
    createdAtMs: media.createdAt.getTime(),
    updatedAtMs: media.updatedAt.getTime(),
    contentNumber: content.number,
    contents: [],
    terms: [],
  }
  const { number, contentType, filename, facts, createdAt } = content
  const added = {
    mediaId: row.id,
    number,
    state: stateUnder(blob.verdict, content.state),
    blob,
    contentType,
    filename,
    facts: frozenFacts(facts),
    createdAtMs: createdAt.getTime(),
  }
  row.contents.push(added)
  useBlob(tables, added)
  tables.media.set(row.id, row)
  indexMedia(tables, row)
}

/** The key, unless a media that changed later has it; one that changed earlier loses it. */
function takeKey(tables: MemoryTables, { id, namespace, key, updatedAt }: PortableMedia): string | undefined {
  const holder = key === undefined ? undefined : namespaceOf(tables, namespace).byKey.get(key)
  if (holder === undefined || holder.id === id) return key
  const laterMs = holder.updatedAtMs - updatedAt.getTime()
  if (laterMs > 0 || (laterMs === 0 && holder.id > id)) return undefined
  unindexMedia(tables, holder)
  holder.key = undefined
  indexMedia(tables, holder)
  return key
}
