import type { JsonObject } from '../../contracts/bytes.ts'
import type { BlobVerdict, ContentRecord, MediaRecord, PlacementRecord } from '../../contracts/catalog.ts'
import type { LinkTarget, MediaFacts } from '../../contracts/media.ts'
import type { ContentRow, MediaRow, PlacementRow } from './tables.ts'

/** A copy that neither the caller's later changes nor those of readers reach. */
export function frozenJson(value: JsonObject): JsonObject {
  const copy = structuredClone(value)
  freeze(copy)
  return copy
}

/** The same of facts. */
export function frozenFacts(facts: MediaFacts): MediaFacts {
  const copy = structuredClone(facts)
  freeze(copy)
  return copy
}

function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
}

export function frozenTags(tags: readonly string[]): readonly string[] {
  return Object.freeze([...tags])
}

export function frozenLinks(links: readonly LinkTarget[]): readonly LinkTarget[] {
  return Object.freeze(links.map(({ kind, target }) => Object.freeze({ kind, target })))
}

export function frozenVerdict(verdict: BlobVerdict | undefined): BlobVerdict | undefined {
  if (verdict === undefined) return undefined
  const { lookedAt } = verdict
  return Object.freeze({ ...verdict, ...(lookedAt === undefined ? {} : { lookedAt: new Date(lookedAt) }) })
}

/** The newest content that is active, else the newest. */
export function servingContent(row: MediaRow): ContentRow {
  const serving = row.contents.findLast((content) => content.state === 'active') ?? row.contents.at(-1)
  if (serving === undefined) throw new Error(`memory catalog: the media ${row.id} has no content`)
  return serving
}

/** Built anew for each caller: dates cannot be frozen. */
export function mediaRecord(row: MediaRow): MediaRecord {
  return {
    id: row.id,
    namespace: row.namespace,
    ...(row.key === undefined ? {} : { key: row.key }),
    owner: row.owner,
    visibility: row.visibility,
    revision: row.revision,
    tags: row.tags,
    metadata: row.metadata,
    links: row.links,
    createdAt: new Date(row.createdAtMs),
    updatedAt: new Date(row.updatedAtMs),
    content: contentRecord(servingContent(row)),
  }
}

function contentRecord(content: ContentRow): ContentRecord {
  const { blob } = content
  return {
    number: content.number,
    state: content.state,
    blobId: blob.id,
    ...(blob.digest === undefined ? {} : { digest: blob.digest }),
    sizeBytes: blob.sizeBytes,
    contentType: content.contentType,
    filename: content.filename,
    facts: content.facts,
    createdAt: new Date(content.createdAtMs),
    placements: livePlacements(content),
  }
}

export function livePlacements({ blob }: Pick<ContentRow, 'blob'>): PlacementRecord[] {
  const live: PlacementRecord[] = []
  for (const placement of blob.placements)
    if (placement.state === 'live') live.push(placementRecord(placement))
  return live
}

export function placementRecord(placement: PlacementRow): PlacementRecord {
  return {
    id: placement.id,
    blobId: placement.blob.id,
    volumeId: placement.volumeId,
    key: placement.key,
    state: placement.state,
    owned: placement.owned,
    storedBytes: placement.storedBytes,
    ...(placement.etag === undefined ? {} : { etag: placement.etag }),
  }
}
