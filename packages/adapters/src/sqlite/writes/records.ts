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
import { storeId } from '../ids.ts'
import { type RecordText, recordOf, recordText, writtenText } from '../reads/record.ts'
import { noteLostReference } from './blobs.ts'
import { orConflict } from './conflict.ts'
import { bytesOf, contentsOf } from './contents.ts'
import { removeTerms, replaceTerms } from './terms.ts'

export interface UpdateInput {
  readonly namespace: string
  readonly ref: MediaRef
  readonly change: MediaChange
  readonly ifRevision?: number
}

export function updateRecord(tx: Transaction, input: UpdateInput): RecordText {
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
export function linkRecord(tx: Transaction, { namespace, ref, target }: LinkInput): RecordText {
  const record = present(tx, namespace, ref)
  if (hasLink(record.links, target)) return writtenText(tx, namespace, storeId(record.id))
  return writeFields(tx, record, { links: [...record.links, target] })
}

export function unlinkRecord(tx: Transaction, { namespace, ref, target }: LinkInput): RecordText {
  const record = present(tx, namespace, ref)
  if (!hasLink(record.links, target)) return writtenText(tx, namespace, storeId(record.id))
  const links = record.links.filter((link) => link.kind !== target.kind || link.target !== target.target)
  return writeFields(tx, record, { links })
}

export interface DeleteInput {
  readonly namespace: string
  readonly ref: MediaRef
  readonly when?: MediaCondition
}

/** @returns the record as it was; `undefined` when there was none. */
export function deleteRecord(tx: Transaction, { namespace, ref, when }: DeleteInput): RecordText | undefined {
  const text = recordText(tx, namespace, ref)
  if (text === undefined) return undefined
  const record = recordOf(text)
  checkCondition(record, when)
  const id = storeId(record.id)
  const contents = contentsOf(tx, id)
  tx.sql('DELETE FROM media WHERE namespace = ? AND id = ?').run(namespace, id)
  tx.sql('DELETE FROM contents WHERE mediaId = ?').run(id)
  removeTerms(tx, namespace, id, termsOf(record))
  for (const { blobId } of contents) noteLostReference(tx, blobId)
  tx.totals.addToOwner(namespace, record.owner, -1, -bytesOf(contents))
  return text
}

function present(tx: Transaction, namespace: string, ref: MediaRef): MediaRecord {
  const text = recordText(tx, namespace, ref)
  if (text !== undefined) return recordOf(text)
  throw new MediaError(
    'MEDIA_ABSENT',
    `sqlite: there is no media ${typeof ref === 'string' ? ref : `with the key ${JSON.stringify(ref.key)}`}`,
    { reason: 'no-record' },
  )
}

function writeFields(tx: Transaction, record: MediaRecord, change: MediaChange): RecordText {
  const id = storeId(record.id)
  const before: ChangeableFields = { ...record, filename: record.content.filename }
  const after = applyChange(before, change)
  orConflict('key-taken', `the key ${JSON.stringify(after.key)} is taken`, () =>
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
    const bytes = bytesOf(contentsOf(tx, id))
    tx.totals.addToOwner(record.namespace, before.owner, -1, -bytes)
    tx.totals.addToOwner(record.namespace, after.owner, 1, bytes)
  }
  return writtenText(tx, record.namespace, id)
}
