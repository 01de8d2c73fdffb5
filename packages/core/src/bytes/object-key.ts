import { MediaError } from '../errors/media-error.ts'

/**
 * Refuses a key that no store can hold: empty, longer than `maxKeyBytes` in UTF-8, with a NUL, or not Unicode
 * (a lone surrogate has no UTF-8 form, so two keys could become one).
 * @throws MediaError MEDIA_BAD_INPUT `bad-key`
 */
export function checkObjectKey(storeName: string, key: string, maxKeyBytes: number): void {
  const fault = keyFault(key, maxKeyBytes)
  if (fault === undefined) return
  throw new MediaError('MEDIA_BAD_INPUT', `${storeName}: the key ${fault}`, { reason: 'bad-key' })
}

/** Byte order of UTF-8, which differs from the order of JavaScript strings above U+FFFF. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function keyFault(key: string, maxKeyBytes: number): string | undefined {
  if (typeof key !== 'string') return 'is not a string'
  if (key === '') return 'is empty'
  if (key.includes('\0')) return 'contains a NUL'
  if (/\p{Surrogate}/u.test(key)) return 'contains half of a surrogate pair'
  const bytes = Buffer.byteLength(key)
  return bytes > maxKeyBytes ? `has ${bytes} bytes, more than ${maxKeyBytes}` : undefined
}
