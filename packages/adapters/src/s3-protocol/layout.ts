import { checkObjectKey, MediaError, VOLUME_MARKER } from '@mediakeep/core'

/**
 * Names in the bucket:
 *
 *   <prefix>mediakeep-volume.json     {"id": "...", "layout": 1}; without it nothing is read or written
 *   <prefix>objects/<key>             objects, under their keys as they stand
 *
 * In a bucket that is not ours (`readOnly`) there is no marker, and an object's name is `<prefix><key>`.
 */
export const LAYOUT = 1
const OBJECTS = 'objects/'
/** Longest name S3 takes, in UTF-8 bytes. */
const MAX_NAME_BYTES = 1024

export interface Layout {
  readonly prefix: string
  /** Undefined in a bucket that is not ours. */
  readonly marker: string | undefined
  /** What every object's name begins with. */
  readonly objects: string
  readonly maxKeyBytes: number
  /** @throws MediaError MEDIA_BAD_INPUT `bad-key` */
  nameOf(key: string): string
  keyOf(name: string): string
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-prefix` */
export function createLayout(storeName: string, givenPrefix: string, readOnly: boolean): Layout {
  const prefix = givenPrefix === '' || givenPrefix.endsWith('/') ? givenPrefix : `${givenPrefix}/`
  const objects = readOnly ? prefix : `${prefix}${OBJECTS}`
  const maxKeyBytes = MAX_NAME_BYTES - Buffer.byteLength(objects)
  if (
    maxKeyBytes < 128 ||
    prefix.startsWith('/') ||
    prefix.includes('\0') ||
    prefix.includes('//') ||
    hasDots(prefix)
  ) {
    throw new MediaError(
      'MEDIA_BAD_INPUT',
      `${storeName}: ${JSON.stringify(givenPrefix)} is no prefix of keys`,
      {
        reason: 'bad-prefix',
      },
    )
  }
  return {
    prefix,
    objects,
    maxKeyBytes,
    marker: readOnly ? undefined : `${prefix}${VOLUME_MARKER}`,
    nameOf(key) {
      checkObjectKey(storeName, key, maxKeyBytes)
      // Clients and proxies resolve such segments: the request would reach another object, or another bucket.
      if (hasDots(key)) {
        const message = `${storeName}: the key has a segment of dots, which paths of requests cannot have`
        throw new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-key' })
      }
      return `${objects}${key}`
    },
    keyOf: (name) => name.slice(objects.length),
  }
}

const hasDots = (name: string): boolean => /(^|\/)\.\.?(\/|$)/.test(name)
