import {
  checkCondition,
  distinctLinks,
  distinctTags,
  standsIn,
  stateUnder,
  uploadStateOf,
  verdictAfter,
} from '../../catalog/index.ts'
import type { CommitContent, CommittedContent } from '../../contracts/catalog.ts'
import { MediaError } from '../../errors/media-error.ts'
import { changePlacement, releaseBlob, useBlob } from './blobs.ts'
import { indexMedia, unindexMedia } from './index-media.ts'
import { findMedia } from './records.ts'
import { completeSession, sessionOf } from './sessions.ts'
import {
  frozenFacts,
  frozenJson,
  frozenLinks,
  frozenTags,
  frozenVerdict,
  mediaRecord,
  servingContent,
} from './snapshots.ts'
import type { BlobRow, ContentRow, MediaRow, MemoryTables, PlacementRow, SessionRow } from './tables.ts'

/** Transaction B: checks everything, then changes everything. */
export function commitContent(tables: MemoryTables, input: CommitContent, nowMs: number): CommittedContent {
  const session = sessionOf(tables, input.session)
  const blob = tables.blobs.get(input.blobId)
  if (blob === undefined || !session.pins.has(blob)) throw leaseLost('it does not hold these bytes')
  const staged = stagedPlacement(tables, session, blob, input)
  const isKept = [...blob.placements].some((placement) => standsIn(placement, input.reachable))
  if (staged === undefined && !isKept) {
    throw new MediaError(
      'MEDIA_CONFLICT',
      'the placement that was to be used is gone; stage the bytes again',
      {
        reason: 'placement-gone',
      },
    )
  }
  const existing = mediaToReplace(tables, input)

  // From here on nothing fails.
  const redundant = staged !== undefined && isKept
  if (staged !== undefined && input.placement !== undefined) {
    changePlacement(tables, staged, {
      storedBytes: input.placement.storedBytes,
      etag: input.placement.etag,
      ...(redundant ? { state: 'leaving', leavingSinceMs: nowMs } : { state: 'live' }),
    })
  }
  blob.verdict = frozenVerdict(verdictAfter(blob.verdict, input.content.verdict))
  const state = stateUnder(blob.verdict, input.content.state)
  const row = writeContent(tables, existing, { ...input, content: { ...input.content, state } }, blob, nowMs)
  const keep = input.keepSession && { ...input.keepSession, state: uploadStateOf(state) }
  completeSession(tables, session, row.id, nowMs, keep)
  return { record: mediaRecord(row), created: existing === undefined, redundant }
}

/** What a content is made of, and the record where there is none yet. */
export type NewContent = Pick<CommitContent, 'media' | 'content'>

/** A new content of a record, which is made unless it exists. */
export function writeContent(
  tables: MemoryTables,
  existing: MediaRow | undefined,
  input: NewContent,
  blob: BlobRow,
  nowMs: number,
): MediaRow {
  const row = existing ?? createRow(input, nowMs)
  if (existing === undefined) tables.media.set(row.id, row)
  else unindexMedia(tables, row)
  addContent(tables, row, input, blob, nowMs)
  applyGiven(row, input, nowMs)
  indexMedia(tables, row)
  return row
}

function stagedPlacement(
  tables: MemoryTables,
  session: SessionRow,
  blob: BlobRow,
  input: CommitContent,
): PlacementRow | undefined {
  if (input.placement === undefined) return undefined
  const placement = tables.placements.get(input.placement.id)
  if (placement?.state === 'staged' && placement.blob === blob && session.staged.has(placement))
    return placement
  throw leaseLost('its placement is no longer staged')
}

function mediaToReplace(tables: MemoryTables, { media }: CommitContent): MediaRow | undefined {
  const existing = media.at === undefined ? undefined : findMedia(tables, media.namespace, media.at)
  if (existing === undefined && typeof media.at === 'string') {
    throw new MediaError('MEDIA_ABSENT', `there is no media ${media.at} to replace`, { reason: 'no-record' })
  }
  checkCondition(existing === undefined ? undefined : mediaRecord(existing), media.when)
  if (existing === undefined && tables.media.has(media.newId)) {
    throw new MediaError('MEDIA_CONFLICT', `the id ${media.newId} is taken`, { reason: 'id-taken' })
  }
  return existing
}

function createRow({ media }: NewContent, nowMs: number): MediaRow {
  return {
    id: media.newId,
    namespace: media.namespace,
    key: typeof media.at === 'object' ? media.at.key : undefined,
    owner: media.owner,
    visibility: 'private',
    revision: 0,
    tags: frozenTags([]),
    metadata: frozenJson({}),
    links: frozenLinks([]),
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    contentNumber: 0,
    contents: [],
    terms: [],
  }
}

/** The new content waits beside the one that serves, or takes its place. */
function addContent(
  tables: MemoryTables,
  row: MediaRow,
  { content }: NewContent,
  blob: BlobRow,
  nowMs: number,
): void {
  row.contentNumber += 1
  const added: ContentRow = {
    mediaId: row.id,
    number: row.contentNumber,
    state: content.state,
    blob,
    contentType: content.contentType,
    filename: content.filename,
    facts: frozenFacts(content.facts),
    createdAtMs: nowMs,
  }
  row.contents.push(added)
  useBlob(tables, added)
  dropSuperseded(tables, row)
}

/** What is older than the content that serves goes. The row is not in the indexes meanwhile. */
export function dropSuperseded(tables: MemoryTables, row: MediaRow): void {
  const serving = servingContent(row)
  const superseded = row.contents.filter((one) => one.number < serving.number)
  row.contents = row.contents.filter((one) => one.number >= serving.number)
  for (const one of superseded) releaseBlob(tables, one)
}

function applyGiven(row: MediaRow, { media }: NewContent, nowMs: number): void {
  row.revision += 1
  row.updatedAtMs = nowMs
  if (media.visibility !== undefined) row.visibility = media.visibility
  if (media.tags !== undefined) row.tags = frozenTags(distinctTags(media.tags))
  if (media.metadata !== undefined) row.metadata = frozenJson(media.metadata)
  if (media.links !== undefined) row.links = frozenLinks(distinctLinks(media.links))
}

export function leaseLost(why: string): MediaError {
  return new MediaError(
    'MEDIA_LEASE_LOST',
    `the upload session cannot commit: ${why}; start the upload again`,
    {
      reason: 'session-ended',
    },
  )
}
