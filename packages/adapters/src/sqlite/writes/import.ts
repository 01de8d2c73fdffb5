import {
  type BlobVerdict,
  distinctLinks,
  distinctTags,
  MediaError,
  newId,
  type PortableMedia,
  type PortablePlacement,
  stateUnder,
  termsOf,
} from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { readId, type StoredId, storeDigest, storeId } from '../ids.ts'
import { recordOf, writtenText } from '../reads/record.ts'
import { findBlob, insertBlob, isReferenced, reviveBlob, setChunkSums } from './blobs.ts'
import { dropPlacements } from './garbage.ts'
import { learnDigest } from './learn.ts'
import { deleteRecord } from './records.ts'
import { addTerms, replaceTerms } from './terms.ts'
import { knownVerdict, settleBlobVerdict } from './verdicts.ts'
import { listVolumes } from './volumes.ts'

/** All of them or none: they share one transaction. @returns how many records were written. */
export function importMedia(tx: Transaction, media: readonly PortableMedia[]): number {
  const volumes = new Set(listVolumes(tx).map(({ id }) => id))
  let written = 0
  for (const one of media) {
    for (const { volumeId } of one.placements)
      if (!volumes.has(volumeId))
        throw new MediaError('MEDIA_BAD_INPUT', `sqlite: the volume ${volumeId} is not registered`, {
          reason: 'unknown-volume',
        })
    if (importOne(tx, one)) written++
  }
  return written
}

function importOne(tx: Transaction, media: PortableMedia): boolean {
  learnOfKnown(tx, media)
  const revision = knownRevision(tx, media)
  const stays = revision !== undefined && revision >= media.revision
  const blobId = knownBlob(tx, media) ?? (stays ? undefined : newBlob(tx, media))
  if (blobId === undefined) return false
  for (const placement of media.placements) importPlacement(tx, blobId, placement)
  const verdict = importVerdict(tx, blobId, media, stays)
  if (stays) return false
  if (revision !== undefined) deleteRecord(tx, { namespace: media.namespace, ref: media.id })
  reviveBlob(tx, blobId)
  const { content } = media
  insertRecord(tx, { ...media, content: { ...content, state: stateUnder(verdict, content.state) } }, blobId)
  return true
}

/** An external object may have been registered anew since its digest was learned. */
function learnOfKnown(tx: Transaction, { blob, placements }: PortableMedia): void {
  const { domain, digest, sizeBytes, chunkSums } = blob
  if (digest === undefined || chunkSums === undefined) return
  for (const placement of placements) {
    const known = placementByKey(tx, placement)
    if (known === undefined || known.owned === 1 || known.hasDigest === 1) continue
    if (known.etag !== null && known.etag === placement.etag && known.sizeBytes === sizeBytes)
      learnDigest(tx, { blobId: readId(known.blobId), learned: { domain, digest, chunkSums } })
  }
}

function knownRevision(tx: Transaction, { namespace, id }: PortableMedia): number | undefined {
  const stored = storeId(id)
  const row = tx
    .sql<{ readonly revision: number }>('SELECT revision FROM media WHERE namespace = ? AND id = ?')
    .get(namespace, stored)
  if (row !== undefined) return row.revision
  const elsewhere = tx
    .sql<{ readonly found: number }>('SELECT EXISTS(SELECT 1 FROM contents WHERE mediaId = ?) AS found')
    .get(stored)
  if (elsewhere?.found === 1)
    throw new MediaError('MEDIA_CONFLICT', `sqlite: the id ${id} is taken in another namespace`, {
      reason: 'id-taken',
    })
  return undefined
}

function knownBlob(tx: Transaction, { blob, placements }: PortableMedia): StoredId | undefined {
  if (blob.digest === undefined) {
    const known = placements.map((placement) => placementByKey(tx, placement))
    return known.find((row) => row !== undefined && !isOrphan(tx, row))?.blobId
  }
  const known = findBlob(tx, blob.domain, storeDigest(blob.digest))
  if (known?.hasSums === 0 && blob.chunkSums !== undefined) setChunkSums(tx, known.id, blob.chunkSums)
  return known?.id
}

/** Of a record that stays, only what nobody knew. @returns what is known of the blob from now on */
function importVerdict(
  tx: Transaction,
  blobId: StoredId,
  { blob }: PortableMedia,
  stays: boolean,
): BlobVerdict | undefined {
  const known = stays ? knownVerdict(tx, blobId) : undefined
  return known ?? settleBlobVerdict(tx, blobId, blob.verdict)
}

function newBlob(tx: Transaction, { blob }: PortableMedia): StoredId {
  return insertBlob(tx, {
    domain: blob.domain,
    digest: blob.digest === undefined ? null : storeDigest(blob.digest),
    sizeBytes: blob.sizeBytes,
    chunkSums: blob.chunkSums ?? null,
  })
}

interface PlacementRow {
  readonly id: StoredId
  readonly blobId: StoredId
  readonly state: string
  readonly owned: number
  readonly etag: string | null
  readonly hasDigest: number
  readonly sizeBytes: number
}

function placementByKey(tx: Transaction, { volumeId, key }: PortablePlacement): PlacementRow | undefined {
  return tx
    .sql<PlacementRow>(
      `SELECT p.id AS id, p.blobId AS blobId, p.state AS state, p.owned AS owned, p.etag AS etag,
         b.digest IS NOT NULL AS hasDigest, b.sizeBytes AS sizeBytes
       FROM placements p JOIN blobs b ON b.id = p.blobId
       WHERE p.volumeId = ? AND substr(p.key, -36) = substr(?, -36) AND p.key = ?`,
    )
    .get(storeId(volumeId), key, key)
}

/** An object that was found without a row; now there is somebody who knows it. */
function isOrphan(tx: Transaction, row: PlacementRow): boolean {
  return row.state === 'leaving' && row.hasDigest === 0 && !isReferenced(tx, row.blobId)
}

function importPlacement(tx: Transaction, blobId: StoredId, placement: PortablePlacement): void {
  const known = placementByKey(tx, placement)
  if (known !== undefined) {
    if (!isOrphan(tx, known)) return
    dropPlacements(tx, [readId(known.id)])
  }
  const isTaken = tx
    .sql<{ readonly found: number }>('SELECT EXISTS(SELECT 1 FROM placements WHERE id = ?) AS found')
    .get(storeId(placement.id))
  const volumeId = storeId(placement.volumeId)
  tx.sql(
    `INSERT INTO placements(id, blobId, volumeId, key, state, owned, storedBytes, etag)
     VALUES (?, ?, ?, ?, 'live', ?, ?, ?)`,
  ).run(
    storeId(isTaken?.found === 1 ? newId() : placement.id),
    blobId,
    volumeId,
    placement.key,
    placement.owned ? 1 : 0,
    placement.storedBytes,
    placement.etag ?? null,
  )
  tx.totals.addToVolume(placement.volumeId, placement.storedBytes, 1)
}

function insertRecord(tx: Transaction, media: PortableMedia, blobId: StoredId): void {
  const id = storeId(media.id)
  const key = takeKey(tx, media)
  const tags = distinctTags(media.tags)
  const links = distinctLinks(media.links)
  const { namespace, owner, metadata, content } = media
  tx.sql(
    `INSERT INTO media(namespace, id, key, owner, visibility, revision, contentNumber, createdAt, updatedAt, tags, links, metadata)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    namespace,
    id,
    key ?? null,
    owner,
    media.visibility,
    media.revision,
    content.number,
    media.createdAt.getTime(),
    media.updatedAt.getTime(),
    JSON.stringify(tags),
    JSON.stringify(links),
    JSON.stringify(metadata),
  )
  tx.sql(
    `INSERT INTO contents(mediaId, number, blobId, contentType, filename, facts, state, createdAt)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    id,
    content.number,
    blobId,
    content.contentType,
    content.filename,
    JSON.stringify(content.facts),
    content.state,
    content.createdAt.getTime(),
  )
  const source = { owner, tags, metadata, links, content, ...(key === undefined ? {} : { key }) }
  addTerms(tx, namespace, id, termsOf(source))
  const stored = tx
    .sql<{ readonly sizeBytes: number }>('SELECT sizeBytes FROM blobs WHERE id = ?')
    .get(blobId)
  tx.totals.addToOwner(namespace, owner, 1, stored?.sizeBytes ?? media.blob.sizeBytes)
}

/** The key, unless a media that changed later has it; one that changed earlier loses it. */
function takeKey(tx: Transaction, { namespace, id, key, updatedAt }: PortableMedia): string | undefined {
  if (key === undefined) return undefined
  const holder = tx
    .sql<{ readonly id: StoredId; readonly updatedAt: number }>(
      'SELECT id, updatedAt FROM media WHERE namespace = ? AND key = ?',
    )
    .get(namespace, key)
  if (holder === undefined) return key
  const laterMs = holder.updatedAt - updatedAt.getTime()
  if (laterMs > 0 || (laterMs === 0 && readId(holder.id) > id)) return undefined
  const before = recordOf(writtenText(tx, namespace, holder.id))
  const { key: _key, ...after } = before
  tx.sql('UPDATE media SET key = NULL WHERE namespace = ? AND id = ?').run(namespace, holder.id)
  replaceTerms(tx, namespace, holder.id, termsOf(before), termsOf(after))
  return key
}
