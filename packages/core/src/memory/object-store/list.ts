import { compareKeys } from '../../bytes/object-key.ts'
import type { ListObjectsOptions, ObjectPage } from '../../contracts/object-store.ts'
import { MediaError } from '../../errors/media-error.ts'
import type { MemoryVolume } from './volume.ts'

/** Most objects that one page of any store may hold. */
const MAX_PAGE_OBJECTS = 1000

/** A page in key order. The cursor is the last key given, so that inserts and deletes between pages shift nothing. */
export function listPage(volume: MemoryVolume, options: ListObjectsOptions): ObjectPage {
  const { prefix = '', cursor, limit = MAX_PAGE_OBJECTS } = options
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE_OBJECTS) {
    throw new MediaError(
      'MEDIA_BAD_INPUT',
      `memory: a page has 1 to ${MAX_PAGE_OBJECTS} objects, not ${limit}`,
      { reason: 'bad-limit' },
    )
  }
  const keys = volume.sortedKeys()
  const after = cursor === undefined ? undefined : keyOfCursor(cursor)
  let at =
    after === undefined
      ? firstAt(keys, prefix, false)
      : Math.max(firstAt(keys, after, true), firstAt(keys, prefix, false))
  const objects = []
  for (; at < keys.length && objects.length < limit; at++) {
    const key = keys[at] ?? ''
    if (!key.startsWith(prefix)) break
    const found = volume.find(key)
    if (found !== undefined) objects.push(found.head)
  }
  const more = at < keys.length && (keys[at] ?? '').startsWith(prefix)
  const last = objects.at(-1)
  return more && last !== undefined ? { objects, cursor: cursorOfKey(last.key) } : { objects }
}

/** Index of the first key at (or, when `strictly`, after) `bound`. */
function firstAt(keys: readonly string[], bound: string, strictly: boolean): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = compareKeys(keys[middle] ?? '', bound)
    if (order < 0 || (strictly && order === 0)) low = middle + 1
    else high = middle
  }
  return low
}

function cursorOfKey(key: string): string {
  return Buffer.from(`k1${key}`).toString('base64url')
}

function keyOfCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString()
  const key = text.slice(2)
  // Only what we would have written ourselves is taken: anything else is a mistake that must not restart a listing.
  if (!text.startsWith('k1') || key === '' || cursorOfKey(key) !== cursor) {
    throw new MediaError('MEDIA_BAD_INPUT', 'memory: the cursor is not one of this store', {
      reason: 'bad-cursor',
    })
  }
  return key
}
