import type { PlacementRecord } from '../contracts/catalog.ts'
import type { ObjectHead } from '../contracts/object-store.ts'
import { OBJECT_CHANGED_RETRY_MS } from '../defaults.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'

/** Whether an object is still the one that was registered. One of ours is what it is: nobody else writes under its key. */
export function isUnchanged(
  head: Pick<ObjectHead, 'etag' | 'sizeBytes'>,
  { owned, etag, storedBytes }: Pick<PlacementRecord, 'owned' | 'etag' | 'storedBytes'>,
): boolean {
  return owned || (head.etag === etag && head.sizeBytes === storedBytes)
}

/** An object that is not ours and is another one now, or gone. It is looked at again, and the next read has what is there. */
export function objectChanged({ key }: Pick<PlacementRecord, 'key'>): MediaError {
  return new MediaError('MEDIA_NOT_READY', `the object ${key} is not the one that was registered`, {
    reason: 'object-changed',
    retryAfterMs: OBJECT_CHANGED_RETRY_MS,
  })
}

export function isObjectChanged(error: unknown): error is MediaError {
  return isMediaError(error, 'MEDIA_NOT_READY') && error.reason === 'object-changed'
}
