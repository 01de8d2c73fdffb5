import {
  type Catalog,
  type ExternalObject,
  type ExternalOutcome,
  newId,
  type RegisterExternal,
} from '@mediakeep/core'
import { type Answer, type Statement, sql } from '../connection/statement.ts'
import type { Database, Transaction } from '../database.ts'
import { isServerError, retryTransaction } from '../errors.ts'
import { createRecord, type NewContent, replaceContent } from './commit.ts'
import { dropBare } from './drop-bare.ts'
import { type HeldMedia, lockMedia, presentMedia } from './media-rows.ts'
import { changeTotals, volumeSubject } from './totals.ts'

interface KnownObject {
  readonly id: string
  readonly blobId: string
  readonly owned: boolean
  readonly storedBytes: number
  readonly etag: string | null
  readonly sizeBytes: number
}

const KNOWN = `SELECT json_build_object('id', p.id, 'blobId', p.blob_id, 'owned', p.owned, 'storedBytes', p.stored_bytes,
    'etag', p.etag, 'sizeBytes', (SELECT size_bytes FROM @blobs WHERE id = p.blob_id))
  FROM @placements p WHERE p.volume_id = $1 AND p.key = $2 FOR UPDATE`
const LOCK_BLOB = `SELECT to_json(id) FROM @blobs
  WHERE id = (SELECT blob_id FROM @placements WHERE volume_id = $1 AND key = $2) FOR UPDATE`

/** Its blob first, as all do. */
const lockObject = (volumeId: string, key: string): readonly [Statement<string>, Statement<KnownObject>] => [
  sql<string>(LOCK_BLOB, volumeId, key),
  sql<KnownObject>(KNOWN, volumeId, key),
]

function heldObject(locked: Answer<string>, { rows }: Answer<KnownObject>): KnownObject | undefined {
  const [known] = rows
  if (known?.blobId === locked.rows[0]) return known
  throw retryTransaction('the object got another blob meanwhile')
}

/** One outcome for each, in order. All share one transaction. */
export function registerExternal(
  database: Database,
  input: RegisterExternal,
): Promise<readonly ExternalOutcome[]> {
  return database.transact('register external objects', async (tx) => {
    const outcomes: ExternalOutcome[] = []
    try {
      for (const object of input.objects) outcomes.push(await registerOne(tx, input, object))
      await tx.commit()
    } catch (error) {
      if (isServerError(error) && error.code === '23505' && error.constraint === 'placements_key')
        throw retryTransaction('another registers the same objects')
      throw error
    }
    return outcomes
  })
}

const NAMED = 'SELECT to_json(id) FROM @media WHERE namespace = $1 AND key = $2'

async function registerOne(
  tx: Transaction,
  input: RegisterExternal,
  object: ExternalObject,
): Promise<ExternalOutcome> {
  const { namespace, volumeId, owner, visibility } = input
  const { key, etag, sizeBytes, mediaKey, contentType, filename } = object
  // The name first: each statement sees what was committed before it, and whoever registers the same object gives it both.
  const [named, locked, row] = await tx.run(
    sql<string>(NAMED, namespace, mediaKey),
    ...lockObject(volumeId, key),
  )
  const known = heldObject(locked, row)
  if (known?.owned === true) return 'taken'
  if (known?.etag === etag && known.sizeBytes === sizeBytes) return 'unchanged'
  const existing = known === undefined ? undefined : await recordOfObject(tx, known.blobId, input, object)
  if (existing === undefined && named.rows.length > 0) {
    // It may have been given up while the object was waited for.
    const [still] = await tx.run(sql<string>(NAMED, namespace, mediaKey))
    if (still.rows.length > 0) return 'taken'
  }

  const blob = { id: newId(), sizeBytes }
  const content: NewContent = {
    media: {
      at: { key: mediaKey },
      newId: object.newId,
      namespace,
      owner,
      ...(existing === undefined ? { visibility } : {}),
    },
    content: { contentType, filename, facts: {}, state: 'active' },
  }
  await tx.run(
    ...(known === undefined ? [] : removeObject(known, volumeId)),
    ...insertObject(blob.id, volumeId, object),
    ...(existing === undefined
      ? createRecord(content, blob, tx.nowMs)
      : replaceContent(content, existing, blob, tx.nowMs)),
  )
  if (known !== undefined) await dropBare(tx, known.blobId)
  return existing === undefined ? 'registered' : 'replaced'
}

interface ServedRecord {
  readonly id: string
  readonly key: string | null
}

const SERVED = `SELECT json_build_object('id', m.id, 'key', m.key) FROM @contents c
  CROSS JOIN LATERAL (SELECT * FROM @media WHERE namespace = $2 AND id = c.media_id AND content_number = c.number LIMIT 1) m
  WHERE c.blob_id = $1`
const IS_COPIED = `SELECT to_json(EXISTS (SELECT 1 FROM @placements WHERE blob_id = $1 AND owned))`

/** The record with the key given, or the only one whose bytes are this object alone: its key was changed. */
async function recordOfObject(
  tx: Transaction,
  blobId: string,
  { namespace }: RegisterExternal,
  { mediaKey }: ExternalObject,
): Promise<HeldMedia | undefined> {
  const [{ rows }, copied] = await tx.run(
    sql<ServedRecord>(SERVED, blobId, namespace),
    sql<boolean>(IS_COPIED, blobId),
  )
  const named = rows.find(({ key }) => key === mediaKey)
  const found = named ?? (rows.length === 1 && copied.rows[0] !== true ? rows[0] : undefined)
  return found === undefined
    ? undefined
    : presentMedia(found.id, await tx.run(...lockMedia(namespace, found.id)))
}

const INSERT_BLOB =
  "INSERT INTO @blobs(id, domain, digest, size_bytes, state) VALUES ($1, '', NULL, $2, 'live')"
const INSERT_PLACEMENT = `INSERT INTO @placements(id, blob_id, volume_id, key, state, owned, stored_bytes, etag)
  VALUES ($1, $2, $3, $4, 'live', FALSE, $5, $6)`

function insertObject(
  blobId: string,
  volumeId: string,
  { placementId, key, sizeBytes, etag }: ExternalObject,
): readonly Statement[] {
  return [
    sql(INSERT_BLOB, blobId, sizeBytes),
    sql(INSERT_PLACEMENT, placementId, blobId, volumeId, key, sizeBytes, etag),
    changeTotals([{ subject: volumeSubject(volumeId), items: 1, bytes: sizeBytes }]),
  ]
}

function removeObject({ id, storedBytes }: KnownObject, volumeId: string): readonly Statement[] {
  return [
    sql('DELETE FROM @placements WHERE id = $1', id),
    changeTotals([{ subject: volumeSubject(volumeId), items: -1, bytes: -storedBytes }]),
  ]
}

/** @returns how many placements went */
export function forgetExternal(
  database: Database,
  volumeId: string,
  objects: Parameters<Catalog['forgetExternal']>[1],
): Promise<number> {
  return database.transact('forget external objects', async (tx) => {
    let forgotten = 0
    for (const { key, etag = null } of objects) {
      const [locked, row] = await tx.run(...lockObject(volumeId, key))
      const known = heldObject(locked, row)
      if (known === undefined || known.owned || known.etag !== etag) continue
      await tx.run(...removeObject(known, volumeId))
      await dropBare(tx, known.blobId)
      forgotten++
    }
    await tx.commit()
    return forgotten
  })
}
