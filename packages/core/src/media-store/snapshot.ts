import { createHash } from 'node:crypto'
import type { ContentRecord, MediaRecord } from '../contracts/catalog.ts'
import type { Media } from '../contracts/media.ts'
import { etagOfDigest } from '../http/etag.ts'

const snapshots = new WeakMap<MediaRecord, Media>()

/** Of a snapshot: the record that it shows. Not enumerable: no copy of it, and nobody who writes it out, sees the record. */
const RECORD = Symbol('record')
interface Snapshot extends Media {
  readonly [RECORD]: MediaRecord
}

/**
 * A Date cannot be frozen, and the snapshot is shared: each look makes its own. The getters are those of all snapshots, for V8 keeps
 * a hidden class for each getter that it has not seen, and with it all that the getter sees.
 */
const date = (dateOf: (record: MediaRecord) => Date): PropertyDescriptor => ({
  enumerable: true,
  get(this: Snapshot) {
    return new Date(dateOf(this[RECORD]))
  },
})
const DATES: PropertyDescriptorMap = {
  createdAt: date(({ createdAt }) => createdAt),
  contentCreatedAt: date(({ content }) => content.createdAt),
  updatedAt: date(({ updatedAt }) => updatedAt),
}

/** The public snapshot of a record. One per record object, so a catalog that shares records shares snapshots. */
export function snapshotOf(record: MediaRecord): Media {
  const known = snapshots.get(record)
  if (known !== undefined) return known
  const { content } = record
  const shown: Omit<Media, 'createdAt' | 'contentCreatedAt' | 'updatedAt'> = {
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
  }
  Object.defineProperty(shown, RECORD, { value: record })
  const media = Object.freeze(Object.defineProperties(shown, DATES)) as Snapshot
  snapshots.set(record, media)
  return media
}

/** The record behind a snapshot that this process made. */
export function recordOf(media: Media): MediaRecord | undefined {
  return (media as Partial<Snapshot>)[RECORD]
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
