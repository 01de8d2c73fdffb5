import { decodeWalkCursor, encodeWalkCursor, isOlderVerdict, isStaleVerdict } from '../../catalog/index.ts'
import type {
  BlobVerdict,
  CatalogUploads,
  HeldContent,
  MediaRecord,
  SettledVerdict,
  UnscannedBlob,
  UnscannedPage,
} from '../../contracts/catalog.ts'
import { dropSuperseded } from './commit.ts'
import { indexMedia, unindexMedia } from './index-media.ts'
import { frozenVerdict, mediaRecord } from './snapshots.ts'
import { type BlobRow, type ContentRow, compositeKey, type MediaRow, type MemoryTables } from './tables.ts'

export function verdictOf(
  tables: MemoryTables,
  ...[domain, digest]: Parameters<CatalogUploads['verdictOf']>
): BlobVerdict | undefined {
  return tables.blobsByDigest.get(compositeKey(domain, digest))?.verdict
}

export function heldContents(tables: MemoryTables, mediaId: string): readonly HeldContent[] {
  const contents = tables.media.get(mediaId)?.contents ?? []
  return contents
    .toReversed()
    .flatMap(({ number, state, blob }) =>
      state !== 'pending' && state !== 'quarantined'
        ? []
        : [{ number, state, blobId: blob.id, ...(blob.digest === undefined ? {} : { digest: blob.digest }) }],
    )
}

export function settleVerdict(
  tables: MemoryTables,
  ...[blobId, verdict, { from, to, limit }, nowMs]: [...Parameters<CatalogUploads['settleVerdict']>, number]
): SettledVerdict {
  const blob = tables.blobs.get(blobId)
  if (blob === undefined) return { records: [], more: false }
  const { verdict: known } = blob
  if (known !== undefined && isOlderVerdict(verdict, known))
    return { records: [], more: false, stands: known }
  blob.verdict = frozenVerdict(verdict)
  const waiting = [...blob.contents].filter(({ state }) => state !== to && from.includes(state))
  const byMedia = new Map<MediaRow, ContentRow[]>()
  for (const content of waiting.slice(0, limit)) {
    const row = tables.media.get(content.mediaId)
    if (row === undefined) continue
    byMedia.set(row, [...(byMedia.get(row) ?? []), content])
  }
  const records: MediaRecord[] = []
  for (const [row, contents] of byMedia) {
    unindexMedia(tables, row)
    for (const content of contents) content.state = to
    dropSuperseded(tables, row)
    row.revision += 1
    row.updatedAtMs = nowMs
    indexMedia(tables, row)
    records.push(mediaRecord(row))
  }
  return { records, more: waiting.length > limit, stands: verdict }
}

/** In order of creation of the blob. */
export function listUnscanned(
  tables: MemoryTables,
  { which, cursor, limit }: Parameters<CatalogUploads['listUnscanned']>[0],
): UnscannedPage {
  const [after = 0] = decodeWalkCursor('unscanned', 1, cursor)?.map(Number) ?? []
  const blobs: UnscannedBlob[] = []
  let last = after
  for (const blob of tables.blobs.values()) {
    const content = blob.order > after ? contentToScan(blob, which) : undefined
    if (content === undefined || blob.digest === undefined) continue
    if (blobs.length >= limit) return { blobs, nextCursor: encodeWalkCursor('unscanned', String(last)) }
    blobs.push({
      blobId: blob.id,
      domain: blob.domain,
      digest: blob.digest,
      sizeBytes: blob.sizeBytes,
      contentType: content.contentType,
      ...(blob.verdict === undefined ? {} : { verdict: blob.verdict }),
    })
    last = blob.order
  }
  return { blobs }
}

function contentToScan(
  { contents, verdict }: BlobRow,
  which: Parameters<CatalogUploads['listUnscanned']>[0]['which'],
): ContentRow | undefined {
  if (which === 'pending') return [...contents].find(({ state }) => state === 'pending')
  return isStaleVerdict(verdict, which) ? [...contents][0] : undefined
}
