import {
  type CommitContent,
  checkCondition,
  distinctLinks,
  distinctTags,
  type MediaRecord,
  MediaError,
  type MediaState,
  termsOf,
} from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { type StoredId, storeId } from '../ids.ts'
import { type RecordRow, recordOf, recordRows, recordRowsById } from '../reads/record.ts'
import { noteLostReference } from './blobs.ts'
import { placementById, placementsOfBlob } from './placements.ts'
import { closeSession, liveSession, recordOutcome } from './sessions.ts'
import { addTerms, replaceTerms } from './terms.ts'
import { conflictOnKey } from './records.ts'
import { addToOwner, addToVolume } from './volumes.ts'

/** What a commit answers across the thread: rows, which the other side makes a record of. */
export interface CommittedRows {
  readonly rows: readonly RecordRow[]
  readonly created: boolean
  readonly redundant: boolean
}

/** Transaction B: the bytes are where the placement says, so that the record may say so too. */
export function commitContent(tx: Transaction, input: CommitContent): CommittedRows {
  const session = liveSession(tx, input.session)
  const blobId = storeId(input.blobId)
  const redundant = settlePlacement(tx, session.id, blobId, input)
  const { media } = input
  const existing = media.at === undefined ? undefined : recordOf(recordRows(tx, media.namespace, media.at))
  if (existing === undefined && typeof media.at === 'string' && media.when?.type !== 'absent')
    throw new MediaError('MEDIA_ABSENT', `sqlite: media ${media.at} does not exist`)
  checkCondition(existing, media.when)
  const id =
    existing === undefined ? createRecord(tx, input, blobId) : replaceContent(tx, existing, input, blobId)
  recordOutcome(tx, session, id)
  closeSession(tx, session)
  return { rows: recordRowsById(tx, media.namespace, id), created: existing === undefined, redundant }
}

/** Makes our placement live, unless another is already. @returns whether ours is `leaving`. */
function settlePlacement(
  tx: Transaction,
  sessionId: StoredId,
  blobId: StoredId,
  input: CommitContent,
): boolean {
  const pinned = tx
    .sql<{ readonly placementId: StoredId | null }>(
      'SELECT placementId FROM pins WHERE sessionId = ? AND blobId = ?',
    )
    .get(sessionId, blobId)
  if (pinned === undefined)
    throw new MediaError(
      'MEDIA_LEASE_LOST',
      `sqlite: blob ${input.blobId} is not staged by session ${input.session.id}`,
      {
        reason: 'not-staged',
      },
    )
  const others = placementsOfBlob(tx, blobId).some((row) => row.state === 'live')
  if (input.placement === undefined) {
    if (others) return false
    throw new MediaError(
      'MEDIA_CONFLICT',
      'sqlite: the copy to share was found damaged meanwhile; put the bytes again',
      {
        reason: 'placement-gone',
      },
    )
  }
  const own = placementById(tx, storeId(input.placement.id))
  if (own === undefined || own.state !== 'staged')
    throw new MediaError('MEDIA_LEASE_LOST', `sqlite: placement ${input.placement.id} is no longer staged`, {
      reason: 'not-staged',
    })
  tx.sql('UPDATE placements SET state = ?, leftAt = ?, storedBytes = ?, etag = ? WHERE id = ?').run(
    others ? 'leaving' : 'live',
    others ? tx.nowMs : null,
    input.placement.storedBytes,
    input.placement.etag ?? null,
    own.id,
  )
  addToVolume(tx, own.volumeId, input.placement.storedBytes, 1)
  return others
}

function createRecord(tx: Transaction, input: CommitContent, blobId: StoredId): StoredId {
  const { media, content } = input
  const newMediaId = typeof media.at === 'string' ? media.at : media.newId
  const id = storeId(newMediaId)
  const key = typeof media.at === 'object' ? media.at.key : undefined
  const tags = distinctTags(media.tags ?? [])
  const links = distinctLinks(media.links ?? [])
  const metadata = media.metadata ?? {}
  conflictOnKey(() =>
    tx
      .sql(
        `INSERT INTO media(namespace, id, key, owner, visibility, revision, contentNumber, createdAt, updatedAt, tags, links, metadata)
         VALUES (?, ?, ?, ?, ?, 1, 1, ?, ?, ?, ?, ?)`,
      )
      .run(
        media.namespace,
        id,
        key ?? null,
        media.owner,
        media.visibility ?? 'private',
        tx.nowMs,
        tx.nowMs,
        JSON.stringify(tags),
        JSON.stringify(links),
        JSON.stringify(metadata),
      ),
  )
  insertContent(tx, id, 1, blobId, input)
  const source = { owner: media.owner, tags, metadata, links, content, ...(key === undefined ? {} : { key }) }
  addTerms(tx, media.namespace, id, termsOf(source))
  addToOwner(tx, media.namespace, media.owner, 1, blobBytes(tx, blobId))
  return id
}

/** A new content. The old one serves until a new one is active; what is behind the one that serves goes. */
function replaceContent(
  tx: Transaction,
  existing: MediaRecord,
  input: CommitContent,
  blobId: StoredId,
): StoredId {
  const { media, content } = input
  const id = storeId(existing.id)
  const fields = {
    visibility: media.visibility ?? existing.visibility,
    tags: media.tags === undefined ? existing.tags : distinctTags(media.tags),
    metadata: media.metadata ?? existing.metadata,
    links: media.links === undefined ? existing.links : distinctLinks(media.links),
  }
  interface Version {
    readonly number: number
    readonly state: MediaState
    readonly blobId: StoredId
  }
  const versions = tx
    .sql<Version>('SELECT number, state, blobId FROM contents WHERE mediaId = ? ORDER BY number DESC')
    .all(id)
  const number = (versions[0]?.number ?? 0) + 1
  insertContent(tx, id, number, blobId, input)
  const serves =
    content.state === 'active' ? undefined : versions.find((version) => version.state === 'active')
  for (const version of versions) {
    if (version === serves) continue
    tx.sql('DELETE FROM contents WHERE mediaId = ? AND number = ?').run(id, version.number)
    noteLostReference(tx, version.blobId)
  }
  tx.sql(
    `UPDATE media SET visibility = ?, revision = revision + 1, contentNumber = ?, updatedAt = ?, tags = ?, links = ?, metadata = ?
     WHERE namespace = ? AND id = ?`,
  ).run(
    fields.visibility,
    serves?.number ?? number,
    tx.nowMs,
    JSON.stringify(fields.tags),
    JSON.stringify(fields.links),
    JSON.stringify(fields.metadata),
    existing.namespace,
    id,
  )
  const after = { ...existing, ...fields, content: serves === undefined ? content : existing.content }
  replaceTerms(tx, existing.namespace, id, termsOf(existing), termsOf(after))
  if (serves === undefined)
    addToOwner(tx, existing.namespace, existing.owner, 0, blobBytes(tx, blobId) - existing.content.sizeBytes)
  return id
}

function insertContent(
  tx: Transaction,
  mediaId: StoredId,
  number: number,
  blobId: StoredId,
  input: CommitContent,
): void {
  const { contentType, filename, facts, state } = input.content
  tx.sql(
    'INSERT INTO contents(mediaId, number, blobId, contentType, filename, facts, state, createdAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  ).run(mediaId, number, blobId, contentType, filename, JSON.stringify(facts), state, tx.nowMs)
}

function blobBytes(tx: Transaction, blobId: StoredId): number {
  return (
    tx.sql<{ readonly sizeBytes: number }>('SELECT sizeBytes FROM blobs WHERE id = ?').get(blobId)
      ?.sizeBytes ?? 0
  )
}
