import type { ExternalObject, ExternalOutcome, KnownExternal, MediaRecord } from '../contracts/catalog.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { ExternalContext } from './context.ts'
import { type Mapping, mediaKeyOf } from './mapping.ts'

/** Registers objects and tells of what became of them. */
export async function register(
  context: ExternalContext,
  { namespace, volume, owner, visibility }: Mapping,
  objects: readonly ExternalObject[],
): Promise<readonly ExternalOutcome[]> {
  if (objects.length === 0) return []
  const { catalog } = context
  const outcomes = await catalog.registerExternal({
    namespace,
    volumeId: volume.id,
    owner,
    visibility,
    objects,
  })
  for (const [at, object] of objects.entries()) {
    const outcome = outcomes[at]
    if (outcome === 'registered')
      tell(context, 'media.created', { namespace, id: object.newId, key: object.mediaKey, revision: 1 })
    if (outcome !== 'replaced') continue
    const record = await catalog.get(namespace, { key: object.mediaKey })
    // One whose key was changed is told of by nobody: only the catalog knows which it is.
    if (record !== undefined && isOf(record, volume.id, object.key, object.etag))
      tell(context, 'media.replaced', record)
  }
  return outcomes
}

/**
 * Forgets an object that is there no more. Its media goes also where other bytes like it are left, of another object or in a copy
 * of ours: whoever deleted the object deleted the media. What was put at this key since stays.
 *
 * The record goes first: a crash before the object is forgotten leaves one whose record was deleted, and the next look ends it.
 * @returns whether it was known as it was
 */
export async function forget(
  context: ExternalContext,
  mapping: Mapping,
  known: KnownExternal,
): Promise<boolean> {
  const { key, etag, blobId } = known
  const record = await deleteMedia(context, mapping, known)
  const forgotten = await context.catalog.forgetExternal(mapping.volume.id, [
    { key, ...(etag === undefined ? {} : { etag }) },
  ])
  if (record !== undefined) {
    await context.journal.gone(record)
    tell(context, 'media.deleted', record)
  }
  if (forgotten === 0) return false
  context.cache.delete(blobId)
  await context.states.invalidate([blobId])
  return true
}

/** @returns the record as it was, if there was one of this object */
async function deleteMedia(
  { catalog }: ExternalContext,
  mapping: Mapping,
  { key, etag }: KnownExternal,
): Promise<MediaRecord | undefined> {
  const mediaKey = mediaKeyOf(mapping, key)
  if (mediaKey === undefined) return undefined
  for (;;) {
    const record = await catalog.get(mapping.namespace, { key: mediaKey })
    if (record === undefined || !isOf(record, mapping.volume.id, key, etag)) return undefined
    try {
      const { revision } = record
      return await catalog.delete(mapping.namespace, record.id, { when: { type: 'revision', revision } })
    } catch (error) {
      if (!isMediaError(error, 'MEDIA_PRECONDITION')) throw error // changed since: it may be another content now
    }
  }
}

/** Whether the content that serves is this object. */
function isOf({ content }: MediaRecord, volumeId: string, key: string, etag: string | undefined): boolean {
  return content.placements.some(
    (one) => !one.owned && one.volumeId === volumeId && one.key === key && one.etag === etag,
  )
}

function tell(
  { clock, emit }: ExternalContext,
  type: 'media.created' | 'media.replaced' | 'media.deleted',
  { namespace, id, key, revision }: Pick<MediaRecord, 'namespace' | 'id' | 'key' | 'revision'>,
): void {
  emit({
    type,
    at: new Date(clock.now()),
    namespace,
    mediaId: id,
    ...(key === undefined ? {} : { key }),
    revision,
    context: { cause: 'reconcile' },
  })
}
