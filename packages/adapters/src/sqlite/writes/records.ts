import {
  applyChange,
  type ChangeableFields,
  checkCondition,
  checkRevision,
  hasLink,
  type LinkTarget,
  type MediaChange,
  type MediaCondition,
  MediaError,
  type MediaRecord,
  type MediaRef,
  termsOf,
} from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { isConstraint } from '../errors.ts'
import { type StoredId, storeId } from '../ids.ts'
import { type RecordRow, recordOf, recordRows, recordRowsById } from '../reads/record.ts'
import { noteLostReference } from './blobs.ts'
import { removeTerms, replaceTerms } from './terms.ts'
import { addToOwner } from './volumes.ts'

export interface UpdateInput {
  readonly namespace: string
  readonly ref: MediaRef
  readonly change: MediaChange
  readonly ifRevision?: number
}

export function updateRecord(tx: Transaction, input: UpdateInput): readonly RecordRow[] {
  const record = present(tx, input.namespace, input.ref)
  checkRevision(record, input.ifRevision)
  return writeFields(tx, record, input.change)
}

export interface LinkInput {
  readonly namespace: string
  readonly ref: MediaRef
  readonly target: LinkTarget
}

/** A link that is there already changes nothing, not even the revision. */
export function linkRecord(tx: Transaction, { namespace, ref, target }: LinkInput): readonly RecordRow[] {
  const record = present(tx, namespace, ref)
  if (hasLink(record.links, target)) return recordRowsById(tx, namespace, storeId(record.id))
  return writeFields(tx, record, { links: [...record.links, target] })
}

export function unlinkRecord(tx: Transaction, { namespace, ref, target }: LinkInput): readonly RecordRow[] {
  const record = present(tx, namespace, ref)
  if (!hasLink(record.links, target)) return recordRowsById(tx, namespace, storeId(record.id))
  const links = record.links.filter((link) => link.kind !== target.kind || link.target !== target.target)
  return writeFields(tx, record, { links })
}

export interface DeleteInput {
  readonly namespace: string
  readonly ref: MediaRef
  readonly when?: MediaCondition
}

/** @returns the record as it was; no rows when there was none. */
export function deleteRecord(tx: Transaction, { namespace, ref, when }: DeleteInput): readonly RecordRow[] {
  const rows = recordRows(tx, namespace, ref)
  const record = recordOf(rows)
  checkCondition(record, when)
  if (record === undefined) return []
  const id = storeId(record.id)
  const blobs = tx
    .sql<{ readonly blobId: StoredId }>('SELECT DISTINCT blobId FROM contents WHERE mediaId = ?')
    .all(id)
  tx.sql('DELETE FROM media WHERE namespace = ? AND id = ?').run(namespace, id)
  tx.sql('DELETE FROM contents WHERE mediaId = ?').run(id)
  removeTerms(tx, namespace, id, termsOf(record))
  for (const { blobId } of blobs) noteLostReference(tx, blobId)
  addToOwner(tx, namespace, record.owner, -1, -record.content.sizeBytes)
  return rows
}

function present(tx: Transaction, namespace: string, ref: MediaRef): MediaRecord {
  const record = recordOf(recordRows(tx, namespace, ref))
  if (record !== undefined) return record
  throw new MediaError(
    'MEDIA_ABSENT',
    `sqlite: media ${typeof ref === 'string' ? ref : `key:${ref.key}`} does not exist`,
  )
}

function writeFields(tx: Transaction, record: MediaRecord, change: MediaChange): readonly RecordRow[] {
  const id = storeId(record.id)
  const before: ChangeableFields = { ...record, filename: record.content.filename }
  const after = applyChange(before, change)
  conflictOnKey(() =>
    tx
      .sql(
        `UPDATE media SET key = ?, owner = ?, visibility = ?, revision = revision + 1, updatedAt = ?, tags = ?, links = ?, metadata = ?
         WHERE namespace = ? AND id = ?`,
      )
      .run(
        after.key ?? null,
        after.owner,
        after.visibility,
        tx.nowMs,
        JSON.stringify(after.tags),
        JSON.stringify(after.links),
        JSON.stringify(after.metadata),
        record.namespace,
        id,
      ),
  )
  if (after.filename !== before.filename)
    tx.sql('UPDATE contents SET filename = ? WHERE mediaId = ? AND number = ?').run(
      after.filename,
      id,
      record.content.number,
    )
  const content = { ...record.content, filename: after.filename }
  replaceTerms(tx, record.namespace, id, termsOf(record), termsOf({ ...after, content }))
  if (after.owner !== before.owner) {
    addToOwner(tx, record.namespace, before.owner, -1, -content.sizeBytes)
    addToOwner(tx, record.namespace, after.owner, 1, content.sizeBytes)
  }
  return recordRowsById(tx, record.namespace, id)
}

/** Runs a write that only a taken key or id can refuse. */
export function conflictOnKey(write: () => unknown): void {
  try {
    write()
  } catch (error) {
    if (!isConstraint(error)) throw error
    throw new MediaError('MEDIA_CONFLICT', 'sqlite: another media has this key or id', {
      reason: 'key-taken',
      cause: error,
    })
  }
}
