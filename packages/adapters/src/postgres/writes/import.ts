import {
  distinctLinks,
  distinctTags,
  MediaError,
  newId,
  type PortableMedia,
  type PortablePlacement,
  stateUnder,
  termsOf,
} from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'
import type { Database, Transaction } from '../database.ts'
import { recordOf, selectRecord } from '../reads/record.ts'
import { UNREFERENCED } from '../reads/references.ts'
import { dropLeaving } from './garbage.ts'
import { learn } from './learn.ts'
import { heldMedia, lockMedia } from './media-rows.ts'
import { removeRecord } from './records.ts'
import { storeDigest } from './stage.ts'
import { replaceTerms } from './terms.ts'
import { changeTotals, ownerSubject, volumeSubject } from './totals.ts'
import { verdictChange } from './verdict-rows.ts'

/** All of them or none: they share one transaction. @returns how many records were written. */
export function importMedia(database: Database, media: readonly PortableMedia[]): Promise<number> {
  return database.transact('import media', async (tx) => {
    const [{ rows }] = await tx.run(sql<string>('SELECT to_json(id) FROM @volumes'))
    const volumes = new Set(rows)
    let written = 0
    for (const one of media) {
      for (const { volumeId } of one.placements)
        if (!volumes.has(volumeId))
          throw new MediaError('MEDIA_BAD_INPUT', `postgres: the volume ${volumeId} is not registered`, {
            reason: 'unknown-volume',
          })
      if (await importOne(tx, one)) written++
    }
    await tx.commit()
    return written
  })
}

interface KnownBlob {
  readonly id: string
  readonly sizeBytes: number
  readonly verdict: string | null
}

interface KnownPlacement {
  readonly id: string
  readonly blobId: string
  readonly volumeId: string
  readonly key: string
  /** An object that was found without a row; now there is somebody who knows it. */
  readonly isOrphan: boolean
  /** An external object whose digest nobody has learned. */
  readonly isUnlearned: boolean
  readonly etag: string | null
  readonly sizeBytes: number
}

const NAMESPACE = 'SELECT to_json(namespace) FROM @media WHERE id = $1'
const BLOB_AS_JSON = "json_build_object('id', b.id, 'sizeBytes', b.size_bytes, 'verdict', b.verdict)"
const BY_DIGEST = `SELECT ${BLOB_AS_JSON} FROM @blobs b WHERE b.domain = $1 AND b.digest = $2 FOR UPDATE`
const BY_ID = `SELECT ${BLOB_AS_JSON} FROM @blobs b WHERE b.id = $1 FOR UPDATE`
const PLACEMENTS = `SELECT json_build_object('id', p.id, 'blobId', p.blob_id, 'volumeId', p.volume_id, 'key', p.key,
    'isOrphan', p.state = 'leaving' AND b.digest IS NULL AND ${UNREFERENCED},
    'isUnlearned', NOT p.owned AND b.digest IS NULL, 'etag', p.etag, 'sizeBytes', b.size_bytes)
  FROM unnest($1::text[], $2::text[]) AS w(volume_id, key)
  CROSS JOIN LATERAL (SELECT * FROM @placements
    WHERE volume_id = w.volume_id COLLATE "C" AND key = w.key COLLATE "C" LIMIT 1) p
  CROSS JOIN LATERAL (SELECT * FROM @blobs WHERE id = p.blob_id LIMIT 1) b`
const TAKEN_IDS = 'SELECT to_json(id) FROM @placements WHERE id = ANY($1::text[])'
const HOLDER = 'SELECT to_json(id) FROM @media WHERE namespace = $1 AND key = $2 AND id <> $3 FOR UPDATE'

async function importOne(tx: Transaction, media: PortableMedia): Promise<boolean> {
  const { id, namespace, key = null, placements, content } = media
  const digest = media.blob.digest === undefined ? null : storeDigest(media.blob.digest)
  const [locked, row, contents, blobs, elsewhere, holder, byDigest, known, taken] = await tx.run(
    ...lockMedia(namespace, id),
    sql<string>(NAMESPACE, id),
    sql<string>(HOLDER, namespace, key, id),
    sql<KnownBlob>(BY_DIGEST, media.blob.domain, digest),
    sql<KnownPlacement>(
      PLACEMENTS,
      placements.map(({ volumeId }) => volumeId),
      placements.map((placement) => placement.key),
    ),
    sql<string>(
      TAKEN_IDS,
      placements.map((placement) => placement.id),
    ),
  )
  if ((elsewhere.rows[0] ?? namespace) !== namespace)
    throw new MediaError('MEDIA_CONFLICT', `postgres: the id ${id} is taken in another namespace`, {
      reason: 'id-taken',
    })
  // What was locked and read may have moved to another blob by that.
  if (await learnOfKnown(tx, media, known.rows)) return importOne(tx, media)
  const held = heldMedia([locked, row, contents, blobs])
  const stays = held !== undefined && held.record.revision >= media.revision
  const blob = digest === null ? await blobOfPlacement(tx, known.rows) : byDigest.rows[0]
  if (blob === undefined && stays) return false
  const at = blob ?? { id: newId(), sizeBytes: media.blob.sizeBytes, verdict: null }
  // Of a record that stays, only what nobody knew.
  const given = stays && at.verdict !== null ? undefined : media.blob.verdict
  const { verdict, statements } = verdictChange(at.id, at.verdict, given)
  await tx.run(
    blob === undefined ? insertBlob(at.id, media, digest) : fillSums(at.id, media),
    ...statements,
    ...importPlacements(at.id, placements, known.rows, taken.rows),
    ...(stays || held === undefined ? [] : removeRecord(held)),
  )
  if (stays) return false
  const keptKey = await takeKey(tx, media, holder.rows[0])
  await tx.run(
    sql("UPDATE @blobs SET state = 'live', condemned_at = NULL WHERE id = $1", at.id),
    ...insertRecord(
      { ...media, content: { ...content, state: stateUnder(verdict, content.state) } },
      keptKey,
      at,
    ),
  )
  return true
}

/** An external object may have been registered anew since its digest was learned. @returns whether one was learned now */
async function learnOfKnown(
  tx: Transaction,
  { blob, placements }: PortableMedia,
  known: readonly KnownPlacement[],
): Promise<boolean> {
  const { domain, digest, sizeBytes, chunkSums } = blob
  if (digest === undefined || chunkSums === undefined) return false
  const unlearned = known.filter(
    (one) =>
      one.isUnlearned &&
      one.sizeBytes === sizeBytes &&
      placements.some(
        ({ volumeId, key, etag }) => volumeId === one.volumeId && key === one.key && etag === one.etag,
      ),
  )
  for (const { blobId } of unlearned) await learn(tx, blobId, { domain, digest, chunkSums })
  return unlearned.length > 0
}

async function blobOfPlacement(
  tx: Transaction,
  known: readonly KnownPlacement[],
): Promise<KnownBlob | undefined> {
  const found = known.find(({ isOrphan }) => !isOrphan)
  if (found === undefined) return undefined
  const [{ rows }] = await tx.run(sql<KnownBlob>(BY_ID, found.blobId))
  return rows[0]
}

function insertBlob(id: string, { blob }: PortableMedia, digest: Uint8Array | null): Statement {
  return sql(
    "INSERT INTO @blobs(id, domain, digest, size_bytes, state, chunk_sums) VALUES ($1, $2, $3, $4, 'live', $5)",
    id,
    blob.domain,
    digest,
    blob.sizeBytes,
    blob.chunkSums ?? null,
  )
}

function fillSums(id: string, { blob }: PortableMedia): Statement {
  return sql(
    'UPDATE @blobs SET chunk_sums = $2 WHERE id = $1 AND chunk_sums IS NULL AND $2::bytea IS NOT NULL',
    id,
    blob.chunkSums ?? null,
  )
}

const INSERT_PLACEMENT = `INSERT INTO @placements(id, blob_id, volume_id, key, state, owned, stored_bytes, etag)
  VALUES ($1, $2, $3, $4, 'live', $5, $6, $7)`

function importPlacements(
  blobId: string,
  placements: readonly PortablePlacement[],
  known: readonly KnownPlacement[],
  taken: readonly string[],
): readonly Statement[] {
  const statements: Statement[] = []
  for (const { id, volumeId, key, owned, storedBytes, etag } of placements) {
    const there = known.find((one) => one.volumeId === volumeId && one.key === key)
    if (there !== undefined) {
      if (!there.isOrphan) continue
      statements.push(...dropLeaving([there.id], [there.blobId]))
    }
    statements.push(
      sql(
        INSERT_PLACEMENT,
        taken.includes(id) ? newId() : id,
        blobId,
        volumeId,
        key,
        owned,
        storedBytes,
        etag ?? null,
      ),
      changeTotals([{ subject: volumeSubject(volumeId), items: 1, bytes: storedBytes }]),
    )
  }
  return statements
}

/** The key, unless a media that changed later has it; one that changed earlier loses it. */
async function takeKey(
  tx: Transaction,
  { id, namespace, key, updatedAt }: PortableMedia,
  holderId: string | undefined,
): Promise<string | undefined> {
  if (key === undefined || holderId === undefined) return key
  const [{ rows }] = await tx.run(selectRecord(namespace, holderId))
  const [row] = rows
  if (row === undefined) throw new Error('a record that is locked is gone')
  const holder = recordOf(row)
  const laterMs = holder.updatedAt.getTime() - updatedAt.getTime()
  if (laterMs > 0 || (laterMs === 0 && holder.id > id)) return undefined
  const { key: _key, ...after } = holder
  await tx.run(
    sql('UPDATE @media SET key = NULL WHERE namespace = $1 AND id = $2', namespace, holder.id),
    ...replaceTerms(namespace, holder.id, termsOf(holder), termsOf(after)),
  )
  return key
}

const INSERT_MEDIA = `INSERT INTO @media(namespace, id, key, owner, visibility, revision, content_number, created_at,
    updated_at, tags, links, metadata) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
const INSERT_CONTENT = `INSERT INTO @contents(media_id, number, blob_id, content_type, filename, facts, state, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

function insertRecord(media: PortableMedia, key: string | undefined, blob: KnownBlob): readonly Statement[] {
  const tags = distinctTags(media.tags)
  const links = distinctLinks(media.links)
  const { namespace, id, owner, metadata, content } = media
  const source = { owner, tags, metadata, links, content, ...(key === undefined ? {} : { key }) }
  return [
    sql(
      INSERT_MEDIA,
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
    ),
    sql(
      INSERT_CONTENT,
      id,
      content.number,
      blob.id,
      content.contentType,
      content.filename,
      JSON.stringify(content.facts),
      content.state,
      content.createdAt.getTime(),
    ),
    ...replaceTerms(namespace, id, [], termsOf(source)),
    changeTotals([{ subject: ownerSubject(namespace, owner), items: 1, bytes: blob.sizeBytes }]),
  ]
}
