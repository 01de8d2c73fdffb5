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
import { type Statement, sql } from '../connection/statement.ts'
import type { Database, Transaction } from '../database.ts'
import {
  bytesOf,
  commitRecord,
  type HeldMedia,
  heldMedia,
  lockMedia,
  loosen,
  presentMedia,
} from './media-rows.ts'
import { replaceTerms } from './terms.ts'
import { changeTotals, ownerSubject } from './totals.ts'

export function updateRecord(
  database: Database,
  namespace: string,
  ref: MediaRef,
  change: MediaChange,
  ifRevision: number | undefined,
): Promise<MediaRecord> {
  return database.transact('update a record', async (tx) => {
    const [locked, row, contents, blobs, holder] = await tx.run(
      ...lockMedia(namespace, ref),
      sql<string>(
        'SELECT to_json(id) FROM @media WHERE namespace = $1 AND key = $2',
        namespace,
        change.key ?? null,
      ),
    )
    const held = presentMedia(ref, [locked, row, contents, blobs])
    checkRevision(held.record, ifRevision)
    const [holderId] = holder.rows
    if (holderId !== undefined && holderId !== held.record.id)
      throw new MediaError('MEDIA_CONFLICT', `postgres: the key ${JSON.stringify(change.key)} is taken`, {
        reason: 'key-taken',
      })
    return writeFields(tx, held, change)
  })
}

/** A link that is there already changes nothing, not even the revision. */
export function linkRecord(
  database: Database,
  namespace: string,
  ref: MediaRef,
  target: LinkTarget,
): Promise<MediaRecord> {
  return database.transact('link a record', async (tx) => {
    const held = presentMedia(ref, await tx.run(...lockMedia(namespace, ref)))
    const { record } = held
    if (hasLink(record.links, target)) return record
    return writeFields(tx, held, { links: [...record.links, target] })
  })
}

export function unlinkRecord(
  database: Database,
  namespace: string,
  ref: MediaRef,
  target: LinkTarget,
): Promise<MediaRecord> {
  return database.transact('unlink a record', async (tx) => {
    const held = presentMedia(ref, await tx.run(...lockMedia(namespace, ref)))
    const { record } = held
    if (!hasLink(record.links, target)) return record
    const links = record.links.filter((link) => link.kind !== target.kind || link.target !== target.target)
    return writeFields(tx, held, { links })
  })
}

/** @returns the record as it was; `undefined` when there was none. */
export function deleteRecord(
  database: Database,
  namespace: string,
  ref: MediaRef,
  when: MediaCondition | undefined,
): Promise<MediaRecord | undefined> {
  return database.transact('delete a record', async (tx) => {
    const held = heldMedia(await tx.run(...lockMedia(namespace, ref)))
    if (held === undefined) return undefined
    checkCondition(held.record, when)
    await tx.commit(...removeRecord(held))
    return held.record
  })
}

/** The record goes with its contents; their blobs are locked. */
export function removeRecord({ record, contents }: HeldMedia): readonly Statement[] {
  const { namespace, id, owner } = record
  return [
    sql('DELETE FROM @media WHERE namespace = $1 AND id = $2', namespace, id),
    sql('DELETE FROM @contents WHERE media_id = $1', id),
    ...replaceTerms(namespace, id, termsOf(record), []),
    loosen(contents),
    changeTotals([{ subject: ownerSubject(namespace, owner), items: -1, bytes: -bytesOf(contents) }]),
  ]
}

const UPDATE = `UPDATE @media SET key = $3, owner = $4, visibility = $5, revision = revision + 1, updated_at = $6,
  tags = $7, links = $8, metadata = $9 WHERE namespace = $1 AND id = $2`
const RENAME = 'UPDATE @contents SET filename = $3 WHERE media_id = $1 AND number = $2'

async function writeFields(
  tx: Transaction,
  { record, contents }: HeldMedia,
  change: MediaChange,
): Promise<MediaRecord> {
  const { namespace, id } = record
  const before: ChangeableFields = { ...record, filename: record.content.filename }
  const after = applyChange(before, change)
  const content = { ...record.content, filename: after.filename }
  const bytes = bytesOf(contents)
  const statements = [
    sql(
      UPDATE,
      namespace,
      id,
      after.key ?? null,
      after.owner,
      after.visibility,
      tx.nowMs,
      JSON.stringify(after.tags),
      JSON.stringify(after.links),
      JSON.stringify(after.metadata),
    ),
    ...(after.filename === before.filename ? [] : [sql(RENAME, id, content.number, after.filename)]),
    ...replaceTerms(namespace, id, termsOf(record), termsOf({ ...after, content })),
    ...(after.owner === before.owner
      ? []
      : [
          changeTotals([
            { subject: ownerSubject(namespace, before.owner), items: -1, bytes: -bytes },
            { subject: ownerSubject(namespace, after.owner), items: 1, bytes },
          ]),
        ]),
  ]
  return commitRecord(tx, namespace, id, statements)
}
