import {
  type CommitContent,
  type CommittedContent,
  checkCondition,
  distinctLinks,
  distinctTags,
  MediaError,
  stateUnder,
  termsOf,
  uploadStateOf,
} from '@mediakeep/core'
import { type Statement, sql } from '../connection/statement.ts'
import type { Database, Transaction } from '../database.ts'
import { dropSession, releaseSession } from './drop-session.ts'
import { bytesOf, commitRecord, type HeldMedia, heldMedia, lockMedia, loosen } from './media-rows.ts'
import { recordOutcome } from './outcomes.ts'
import { heldSession, lockSession } from './session-rows.ts'
import { pinnedBlob, settlePlacement } from './settle.ts'
import { replaceTerms } from './terms.ts'
import { changeTotals, ownerSubject } from './totals.ts'
import { verdictChange } from './verdict-rows.ts'

/** No id: a record that is to be made is looked for in vain. */
const NO_MEDIA = ''

/** Transaction B: the bytes are where the placement says, so that the record may say so too. */
export function commitContent(database: Database, input: CommitContent): Promise<CommittedContent> {
  return database.transact('commit a content', (tx) => commit(tx, input))
}

async function commit(tx: Transaction, input: CommitContent): Promise<CommittedContent> {
  const { media } = input
  const [session, locked, row, contents, blobs, pinned] = await tx.run(
    lockSession(input.session.id),
    ...lockMedia(media.namespace, media.at ?? NO_MEDIA, input.session),
    pinnedBlob(input),
  )
  const held = heldSession(input.session, session)
  const settled = settlePlacement(input, pinned, tx.nowMs)
  const existing = heldMedia([locked, row, contents, blobs])
  if (existing === undefined && typeof media.at === 'string')
    throw new MediaError('MEDIA_ABSENT', `postgres: there is no media ${media.at} to replace`, {
      reason: 'no-record',
    })
  checkCondition(existing?.record, media.when)
  const id = existing?.record.id ?? media.newId
  const blob = { id: input.blobId, sizeBytes: settled.sizeBytes }
  const { verdict, statements } = verdictChange(blob.id, settled.verdict, input.content.verdict)
  const state = stateUnder(verdict, input.content.state)
  const content: NewContent = { media, content: { ...input.content, state } }
  const keep =
    input.keepSession === undefined || held.state === 'live'
      ? undefined
      : { ...input.keepSession, state: uploadStateOf(state), mediaId: id }
  const record = await commitRecord(tx, media.namespace, id, [
    ...settled.statements,
    ...statements,
    ...(existing === undefined
      ? createRecord(content, blob, tx.nowMs)
      : replaceContent(content, existing, blob, tx.nowMs)),
    ...(held.idempotencyKey === null ? [] : [recordOutcome(held, held.idempotencyKey, id, tx.nowMs)]),
    // What this put used is referred to by its content now; whatever else the session staged is given up.
    ...(settled.hasOthers ? dropSession(held.id, tx.nowMs, keep) : releaseSession(held.id, tx.nowMs, keep)),
  ])
  return { record, created: existing === undefined, redundant: settled.redundant }
}

const INSERT_MEDIA = `INSERT INTO @media(namespace, id, key, owner, visibility, revision, content_number, created_at,
    updated_at, tags, links, metadata) VALUES ($1, $2, $3, $4, $5, 1, 1, $6, $6, $7, $8, $9)`
const INSERT_CONTENT = `INSERT INTO @contents(media_id, number, blob_id, content_type, filename, facts, state, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

/** What a content is made of, and the record where there is none yet. */
export type NewContent = Pick<CommitContent, 'media' | 'content'>

interface ContentBlob {
  readonly id: string
  readonly sizeBytes: number
}

function insertContent(
  mediaId: string,
  number: number,
  { content }: NewContent,
  blobId: string,
  nowMs: number,
): Statement {
  const { contentType, filename, facts, state } = content
  return sql(
    INSERT_CONTENT,
    mediaId,
    number,
    blobId,
    contentType,
    filename,
    JSON.stringify(facts),
    state,
    nowMs,
  )
}

export function createRecord(input: NewContent, blob: ContentBlob, nowMs: number): readonly Statement[] {
  const { media, content } = input
  const { namespace, newId: id, owner } = media
  const key = typeof media.at === 'object' ? media.at.key : undefined
  const tags = distinctTags(media.tags ?? [])
  const links = distinctLinks(media.links ?? [])
  const metadata = media.metadata ?? {}
  const source = { owner, tags, metadata, links, content, ...(key === undefined ? {} : { key }) }
  return [
    sql(
      INSERT_MEDIA,
      namespace,
      id,
      key ?? null,
      owner,
      media.visibility ?? 'private',
      nowMs,
      JSON.stringify(tags),
      JSON.stringify(links),
      JSON.stringify(metadata),
    ),
    insertContent(id, 1, input, blob.id, nowMs),
    ...replaceTerms(namespace, id, [], termsOf(source)),
    changeTotals([{ subject: ownerSubject(namespace, owner), items: 1, bytes: blob.sizeBytes }]),
  ]
}

const UPDATE_MEDIA = `UPDATE @media SET visibility = $3, revision = revision + 1, content_number = $4, updated_at = $5,
  tags = $6, links = $7, metadata = $8 WHERE namespace = $1 AND id = $2`

/** A new content. The old one serves until a new one is active; what is older than the one that serves goes. */
export function replaceContent(
  input: NewContent,
  { record, contents }: HeldMedia,
  blob: ContentBlob,
  nowMs: number,
): readonly Statement[] {
  const { media, content } = input
  const { namespace, id, owner } = record
  const fields = {
    visibility: media.visibility ?? record.visibility,
    tags: media.tags === undefined ? record.tags : distinctTags(media.tags),
    metadata: media.metadata ?? record.metadata,
    links: media.links === undefined ? record.links : distinctLinks(media.links),
  }
  const number = (contents[0]?.number ?? 0) + 1
  const serves = content.state === 'active' ? undefined : contents.find(({ state }) => state === 'active')
  const superseded = serves === undefined ? contents : contents.filter((one) => one.number < serves.number)
  const after = { ...record, ...fields, content: serves === undefined ? content : record.content }
  return [
    insertContent(id, number, input, blob.id, nowMs),
    sql(
      'DELETE FROM @contents WHERE media_id = $1 AND number = ANY($2::bigint[])',
      id,
      superseded.map((one) => one.number),
    ),
    loosen(superseded),
    sql(
      UPDATE_MEDIA,
      namespace,
      id,
      fields.visibility,
      serves?.number ?? number,
      nowMs,
      JSON.stringify(fields.tags),
      JSON.stringify(fields.links),
      JSON.stringify(fields.metadata),
    ),
    ...replaceTerms(namespace, id, termsOf(record), termsOf(after)),
    changeTotals([
      { subject: ownerSubject(namespace, owner), items: 0, bytes: blob.sizeBytes - bytesOf(superseded) },
    ]),
  ]
}
