import { applyChange, checkCondition, checkRevision, hasLink } from '../../catalog/index.ts'
import type { MediaRecord } from '../../contracts/catalog.ts'
import type { LinkTarget, MediaChange, MediaCondition, MediaRef } from '../../contracts/media.ts'
import { MediaError } from '../../errors/media-error.ts'
import { releaseBlob } from './blobs.ts'
import { indexMedia, unindexMedia } from './index-media.ts'
import { frozenJson, frozenLinks, frozenTags, mediaRecord, servingContent } from './snapshots.ts'
import { type MediaRow, type MemoryTables, namespaceOf } from './tables.ts'

export function findMedia(tables: MemoryTables, namespace: string, ref: MediaRef): MediaRow | undefined {
  if (typeof ref === 'object') return tables.namespaces.get(namespace)?.byKey.get(ref.key)
  const row = tables.media.get(ref)
  return row?.namespace === namespace ? row : undefined
}

/** @throws MediaError MEDIA_ABSENT */
function requireMedia(tables: MemoryTables, namespace: string, ref: MediaRef): MediaRow {
  const row = findMedia(tables, namespace, ref)
  if (row !== undefined) return row
  const name = typeof ref === 'string' ? ref : `with the key ${JSON.stringify(ref.key)}`
  throw new MediaError('MEDIA_ABSENT', `there is no media ${name}`, { reason: 'no-record' })
}

export function updateMedia(
  tables: MemoryTables,
  namespace: string,
  ref: MediaRef,
  change: MediaChange,
  ifRevision: number | undefined,
  nowMs: number,
): MediaRecord {
  const row = requireMedia(tables, namespace, ref)
  checkRevision(row, ifRevision)
  if (typeof change.key === 'string') {
    const holder = namespaceOf(tables, namespace).byKey.get(change.key)
    if (holder !== undefined && holder !== row) {
      throw new MediaError('MEDIA_CONFLICT', `the key ${JSON.stringify(change.key)} is taken`, {
        reason: 'key-taken',
      })
    }
  }
  const serving = servingContent(row)
  const { key, ...fields } = row
  const after = applyChange(
    { ...fields, ...(key === undefined ? {} : { key }), filename: serving.filename },
    change,
  )
  unindexMedia(tables, row)
  row.key = after.key
  row.owner = after.owner
  row.visibility = after.visibility
  serving.filename = after.filename
  if (change.tags !== undefined) row.tags = frozenTags(after.tags)
  if (change.metadata !== undefined) row.metadata = frozenJson(after.metadata)
  if (change.links !== undefined) row.links = frozenLinks(after.links)
  return settleChange(tables, row, nowMs)
}

export function deleteMedia(
  tables: MemoryTables,
  namespace: string,
  ref: MediaRef,
  when: MediaCondition | undefined,
): MediaRecord | undefined {
  const row = findMedia(tables, namespace, ref)
  if (row === undefined) return undefined
  const record = mediaRecord(row)
  checkCondition(record, when)
  removeMedia(tables, row)
  return record
}

export function removeMedia(tables: MemoryTables, row: MediaRow): void {
  unindexMedia(tables, row)
  tables.media.delete(row.id)
  for (const content of row.contents) releaseBlob(tables, content)
}

/** A link that is there already changes nothing. */
export function linkMedia(
  tables: MemoryTables,
  namespace: string,
  ref: MediaRef,
  target: LinkTarget,
  nowMs: number,
): MediaRecord {
  const row = requireMedia(tables, namespace, ref)
  if (hasLink(row.links, target)) return mediaRecord(row)
  unindexMedia(tables, row)
  row.links = frozenLinks([...row.links, target])
  return settleChange(tables, row, nowMs)
}

/** A link that is not there changes nothing. */
export function unlinkMedia(
  tables: MemoryTables,
  namespace: string,
  ref: MediaRef,
  target: LinkTarget,
  nowMs: number,
): MediaRecord {
  const row = requireMedia(tables, namespace, ref)
  if (!hasLink(row.links, target)) return mediaRecord(row)
  unindexMedia(tables, row)
  row.links = frozenLinks(
    row.links.filter((link) => link.kind !== target.kind || link.target !== target.target),
  )
  return settleChange(tables, row, nowMs)
}

function settleChange(tables: MemoryTables, row: MediaRow, nowMs: number): MediaRecord {
  row.revision += 1
  row.updatedAtMs = nowMs
  indexMedia(tables, row)
  return mediaRecord(row)
}
