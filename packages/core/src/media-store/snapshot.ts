import { createHash } from 'node:crypto'
import type { ContentRecord, MediaRecord } from '../contracts/catalog.ts'
import type { Media } from '../contracts/media.ts'
import { etagOfDigest } from '../http/etag.ts'

const snapshots = new WeakMap<MediaRecord, Media>()
const records = new WeakMap<Media, MediaRecord>()

/** The public snapshot of a record. One per record object, so a catalog that shares records shares snapshots. */
export function snapshotOf(record: MediaRecord): Media {
  const known = snapshots.get(record)
  if (known !== undefined) return known
  const { content } = record
  const createdMs = record.createdAt.getTime()
  const contentCreatedMs = content.createdAt.getTime()
  const updatedMs = record.updatedAt.getTime()
  const media: Media = Object.freeze({
    id: record.id,
    namespace: record.namespace,
    ...(record.key === undefined ? {} : { key: record.key }),
    ...(content.digest === undefined ? { etag: etagOf(content) } : { digest: content.digest }),
    sizeBytes: content.sizeBytes,
    contentType: content.contentType,
    filename: content.filename,
    owner: record.owner,
    visibility: record.visibility,
    tags: record.tags,
    metadata: record.metadata,
    links: record.links,
    ...content.facts,
    state: content.state,
    revision: record.revision,
    contentNumber: content.number,
    // A Date cannot be frozen, and the snapshot is shared: each look makes its own.
    get createdAt() {
      return new Date(createdMs)
    },
    get contentCreatedAt() {
      return new Date(contentCreatedMs)
    },
    get updatedAt() {
      return new Date(updatedMs)
    },
  })
  snapshots.set(record, media)
  records.set(media, record)
  return media
}

/** The record behind a snapshot that this process made. */
export function recordOf(media: Media): MediaRecord | undefined {
  return records.get(media)
}

/** Contents never change and catalogs share them: each is asked for its etag once, not with every read. */
const etags = new WeakMap<ContentRecord, string>()

/**
 * Strong validator of a content: equal for equal bytes only. Of an external object that nobody has read whole it is made from the
 * store's own, which every read compares with what the store then gives; it becomes that of the digest when that is known.
 */
export function etagOf(content: ContentRecord): string {
  const known = etags.get(content)
  if (known !== undefined) return known
  const { digest } = content
  const etag = digest === undefined ? etagOfObject(content) : etagOfDigest(digest)
  etags.set(content, etag)
  return etag
}

/** The same after a catalog was rebuilt, and for every host. */
function etagOfObject({ blobId, number, sizeBytes, placements }: ContentRecord): string {
  const external = placements.find(({ owned }) => !owned)
  if (external === undefined) return `${blobId}-${number}`
  const { volumeId, key, etag = '' } = external
  const hash = createHash('sha256').update(JSON.stringify([volumeId, key, etag, sizeBytes]))
  return `object-${hash.digest('base64url')}`
}
