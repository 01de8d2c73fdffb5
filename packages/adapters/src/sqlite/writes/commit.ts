import {
  type CommitContent,
  checkCondition,
  distinctLinks,
  distinctTags,
  MediaError,
  type MediaRecord,
  type PlacementRecord,
  stateUnder,
  termsOf,
  uploadStateOf,
} from '@mediakeep/core'
import type { Transaction } from '../database.ts'
import { jsonId, readId, type StoredId, storeId } from '../ids.ts'
import {
  placementRow,
  type RecordRow,
  type RecordText,
  recordOf,
  recordText,
  textOf,
  writtenText,
} from '../reads/record.ts'
import { orConflict } from './conflict.ts'
import { type BlobFacts, blobFacts, bytesOf, contentsOf, dropContents, insertContent } from './contents.ts'
import { recordOutcome } from './outcomes.ts'
import { removeReservations } from './reservations.ts'
import { giveUp, keepSession, liveSession, type SessionRow, takeSession } from './sessions.ts'
import { settlePlacement } from './settle.ts'
import { addTerms, replaceTerms } from './terms.ts'
import { settleBlobVerdict } from './verdicts.ts'

/** What a commit answers across the thread. */
export interface CommittedText {
  readonly text: RecordText
  readonly created: boolean
  readonly redundant: boolean
}

/** Transaction B: the bytes are where the placement says, so that the record may say so too. */
export function commitContent(tx: Transaction, input: CommitContent): CommittedText {
  const known = tx.stagedPuts.take(input)
  const kept = input.keepSession === undefined ? undefined : keptUpload(tx, input)
  const session = kept ?? known?.session ?? liveSession(tx, input.session)
  const sessionId = storeId(session.id)
  if (kept === undefined) takeSession(tx, session, sessionId)
  removeReservations(tx, sessionId)
  const blobId = storeId(input.blobId)
  const settled = settlePlacement(tx, sessionId, blobId, input, known)
  const { media } = input
  const found = media.at === undefined ? undefined : recordText(tx, media.namespace, media.at)
  const existing = found === undefined ? undefined : recordOf(found)
  if (existing === undefined && typeof media.at === 'string')
    throw new MediaError('MEDIA_ABSENT', `sqlite: there is no media ${media.at} to replace`, {
      reason: 'no-record',
    })
  checkCondition(existing, media.when)
  const blob = known?.blob ?? blobFacts(tx, blobId)
  const verdict = settleBlobVerdict(tx, blobId, input.content.verdict)
  const state = stateUnder(verdict, input.content.state)
  const content: NewContent = { media, content: { ...input.content, state } }
  const text =
    existing === undefined
      ? createRecord(tx, content, blobId, blob, settled.live)
      : replaceContent(tx, existing, content, blobId, blob)
  if (kept !== undefined && input.keepSession !== undefined)
    keepSession(tx, kept, {
      ...input.keepSession,
      state: uploadStateOf(state),
      mediaId: storeId(existing?.id ?? media.newId),
    })
  if (session.idempotencyKey !== null)
    recordOutcome(tx, session, session.idempotencyKey, storeId(existing?.id ?? media.newId))
  // What this put used is referred to by its content now; whatever else the session staged is given up.
  giveUp(tx, settled.givenUp)
  return { text, created: existing === undefined, redundant: settled.redundant }
}

/** `undefined` where it is a put, which leaves nothing to be told of. */
function keptUpload(tx: Transaction, { session }: CommitContent): SessionRow | undefined {
  const row = liveSession(tx, session)
  return row.state === 'live' ? undefined : row
}

/** What a content is made of, and the record where there is none yet. */
export type NewContent = Pick<CommitContent, 'media' | 'content'>

/** What it answers is put together, not read back: reading them costs a tenth of the whole put. */
export function createRecord(
  tx: Transaction,
  input: NewContent,
  blobId: StoredId,
  blob: BlobFacts,
  live: readonly PlacementRecord[],
): RecordText {
  const { media, content } = input
  const id = storeId(media.newId)
  const key = typeof media.at === 'object' ? media.at.key : undefined
  const tags = distinctTags(media.tags ?? [])
  const links = distinctLinks(media.links ?? [])
  const metadata = media.metadata ?? {}
  const visibility = media.visibility ?? 'private'
  orConflict('id-taken', `the id ${media.newId} is taken`, () => {
    tx.sql(
      `INSERT INTO media(namespace, id, key, owner, visibility, revision, contentNumber, createdAt, updatedAt, tags, links, metadata)
       VALUES (?, ?, ?, ?, ?, 1, 1, ?, ?, ?, ?, ?)`,
    ).run(
      media.namespace,
      id,
      key ?? null,
      media.owner,
      visibility,
      tx.nowMs,
      tx.nowMs,
      JSON.stringify(tags),
      JSON.stringify(links),
      JSON.stringify(metadata),
    )
    insertContent(tx, id, 1, blobId, input)
  })
  const source = { owner: media.owner, tags, metadata, links, content, ...(key === undefined ? {} : { key }) }
  addTerms(tx, media.namespace, id, termsOf(source))
  tx.totals.addToOwner(media.namespace, media.owner, 1, blob.sizeBytes)
  const columns: RecordRow[0] = [
    jsonId(media.newId),
    media.namespace,
    key ?? null,
    media.owner,
    visibility,
    1,
    tx.nowMs,
    tx.nowMs,
    1,
    content.state,
    content.contentType,
    content.filename,
    tx.nowMs,
    jsonId(readId(blobId)),
    blob.digest ?? '',
    blob.sizeBytes,
  ]
  return textOf([columns, tags, links, metadata, content.facts, live.map(placementRow)])
}

/** A new content. The old one serves until a new one is active; what is older than the one that serves goes. */
export function replaceContent(
  tx: Transaction,
  existing: MediaRecord,
  input: NewContent,
  blobId: StoredId,
  blob: BlobFacts,
): RecordText {
  const { media, content } = input
  const id = storeId(existing.id)
  const fields = {
    visibility: media.visibility ?? existing.visibility,
    tags: media.tags === undefined ? existing.tags : distinctTags(media.tags),
    metadata: media.metadata ?? existing.metadata,
    links: media.links === undefined ? existing.links : distinctLinks(media.links),
  }
  const versions = contentsOf(tx, id)
  const number = (versions[0]?.number ?? 0) + 1
  insertContent(tx, id, number, blobId, input)
  const serves = content.state === 'active' ? undefined : versions.find(({ state }) => state === 'active')
  const superseded = serves === undefined ? versions : versions.filter((one) => one.number < serves.number)
  dropContents(tx, id, superseded)
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
  const addedBytes = blob.sizeBytes - bytesOf(superseded)
  tx.totals.addToOwner(existing.namespace, existing.owner, 0, addedBytes)
  return writtenText(tx, existing.namespace, id)
}
