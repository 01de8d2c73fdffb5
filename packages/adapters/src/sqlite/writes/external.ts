import {
  type Catalog,
  type ExternalObject,
  type ExternalOutcome,
  type MediaRecord,
  type PlacementRecord,
  type RegisterExternal,
} from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { readId, type StoredId, storeId } from '../ids.ts'
import { recordOf, writtenText } from '../reads/record.ts'
import { insertBlob } from './blobs.ts'
import { createRecord, type NewContent, replaceContent } from './commit.ts'
import { orConflict } from './conflict.ts'
import { dropBare } from './drop-bare.ts'
import { removePlacement } from './placements.ts'

/** One outcome for each, in order. All share one transaction. */
export function registerExternal(tx: Transaction, input: RegisterExternal): readonly ExternalOutcome[] {
  return input.objects.map((object) => registerOne(tx, input, object))
}

function registerOne(tx: Transaction, input: RegisterExternal, object: ExternalObject): ExternalOutcome {
  const known = placementByKey(tx, input.volumeId, object.key)
  if (known?.owned === 1) return 'taken'
  if (known !== undefined && known.etag === object.etag && known.sizeBytes === object.sizeBytes)
    return 'unchanged'
  const existing = known === undefined ? undefined : recordOfObject(tx, known.blobId, input, object)
  if (existing === undefined && isKeyTaken(tx, input, object)) return 'taken'

  if (known !== undefined) removePlacement(tx, recordOfKnown(known, input.volumeId))
  const { sizeBytes, newId, mediaKey, contentType, filename } = object
  const blobId = insertBlob(tx, { domain: '', digest: null, sizeBytes, chunkSums: null })
  const placement = insertExternal(tx, blobId, input.volumeId, object)
  const { namespace, owner, visibility } = input
  const content: NewContent = {
    media: {
      at: { key: mediaKey },
      newId,
      namespace,
      owner,
      ...(existing === undefined ? { visibility } : {}),
    },
    content: { contentType, filename, facts: {}, state: 'active' },
  }
  const facts = { digest: null, sizeBytes }
  if (existing === undefined) createRecord(tx, content, blobId, facts, [placement])
  else replaceContent(tx, existing, content, blobId, facts)
  if (known !== undefined) dropBare(tx, known.blobId)
  return existing === undefined ? 'registered' : 'replaced'
}

interface KnownRow {
  readonly id: StoredId
  readonly blobId: StoredId
  readonly owned: number
  readonly storedBytes: number
  readonly etag: string | null
  readonly sizeBytes: number
}

function placementByKey(tx: Transaction, volumeId: string, key: string): KnownRow | undefined {
  return tx
    .sql<KnownRow>(
      `SELECT p.id AS id, p.blobId AS blobId, p.owned AS owned, p.storedBytes AS storedBytes, p.etag AS etag,
         b.sizeBytes AS sizeBytes
       FROM placements p CROSS JOIN blobs b ON b.id = p.blobId
       WHERE p.volumeId = ? AND substr(p.key, -36) = substr(?, -36) AND p.key = ?`,
    )
    .get(storeId(volumeId), key, key)
}

function recordOfKnown({ id, storedBytes }: KnownRow, volumeId: string) {
  return { id: readId(id), volumeId, storedBytes }
}

/** The record with the key given, or the only one whose bytes are this object alone: its key was changed. */
function recordOfObject(
  tx: Transaction,
  blobId: StoredId,
  { namespace }: RegisterExternal,
  { mediaKey }: ExternalObject,
): MediaRecord | undefined {
  const rows = tx
    .sql<{ readonly id: StoredId; readonly key: string | null }>(
      `SELECT m.id AS id, m.key AS key FROM contents c
       CROSS JOIN media m ON m.namespace = ? AND m.id = c.mediaId AND m.contentNumber = c.number WHERE c.blobId = ?`,
    )
    .all(namespace, blobId)
  const named = rows.find(({ key }) => key === mediaKey)
  const found = named ?? (rows.length === 1 && !isCopied(tx, blobId) ? rows[0] : undefined)
  return found === undefined ? undefined : recordOf(writtenText(tx, namespace, found.id))
}

function isCopied(tx: Transaction, blobId: StoredId): boolean {
  const row = tx
    .sql<{ readonly found: number }>(
      'SELECT EXISTS(SELECT 1 FROM placements WHERE blobId = ? AND owned = 1) AS found',
    )
    .get(blobId)
  return row?.found === 1
}

function isKeyTaken(tx: Transaction, { namespace }: RegisterExternal, { mediaKey }: ExternalObject): boolean {
  const row = tx
    .sql<{ readonly found: number }>(
      'SELECT EXISTS(SELECT 1 FROM media WHERE namespace = ? AND key = ?) AS found',
    )
    .get(namespace, mediaKey)
  return row?.found === 1
}

function insertExternal(
  tx: Transaction,
  blobId: StoredId,
  volumeId: string,
  { placementId, key, sizeBytes, etag }: ExternalObject,
): PlacementRecord {
  orConflict('placement-taken', `the placement ${placementId} exists already`, () =>
    tx
      .sql(
        `INSERT INTO placements(id, blobId, volumeId, key, state, owned, storedBytes, etag)
         VALUES (?, ?, ?, ?, 'live', 0, ?, ?)`,
      )
      .run(storeId(placementId), blobId, storeId(volumeId), key, sizeBytes, etag),
  )
  tx.totals.addToVolume(volumeId, sizeBytes, 1)
  return {
    id: placementId,
    blobId: readId(blobId),
    volumeId,
    key,
    state: 'live',
    owned: false,
    storedBytes: sizeBytes,
    etag,
  }
}

export interface ForgetExternal {
  readonly volumeId: string
  readonly objects: Parameters<Catalog['forgetExternal']>[1]
}

/** @returns how many placements went */
export function forgetExternal(tx: Transaction, { volumeId, objects }: ForgetExternal): number {
  let forgotten = 0
  for (const { key, etag } of objects) {
    const known = placementByKey(tx, volumeId, key)
    if (known === undefined || known.owned === 1 || known.etag !== (etag ?? null)) continue
    removePlacement(tx, recordOfKnown(known, volumeId))
    dropBare(tx, known.blobId)
    forgotten++
  }
  return forgotten
}
