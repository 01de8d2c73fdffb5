import { createHash } from 'node:crypto'

/**
 * Where a key's bytes lie: `objects/<shard>/<fileName>`.
 *
 * | key                                   | shard                | file name                                |
 * |---------------------------------------|----------------------|------------------------------------------|
 * | `ab/<64 hex, from ab>.<placement id>` | `ab`                 | `<64 hex>.<placement id>`                |
 * | any other, short                      | of the key's SHA-256 | `k.` and the key, escaped                |
 * | any other, long                       | the same             | `h.<SHA-256>.<first letters>`; key in the sidecar |
 *
 * Escaped names hold lower-case ASCII letters, digits, `_`, `-`, `.` (not last) and `%xx`: no two keys share one also where
 * a file system folds case or normalises Unicode, and no key can name a parent, a device or another directory.
 * A `~` is in none of them: it marks our own files (temporary files, sidecars).
 */
export interface Place {
  readonly key: string
  readonly shard: string
  readonly fileName: string
  /** The key is one placement's, used once: nothing is ever replaced under it. */
  readonly once: boolean
  /** The name does not tell the key: a sidecar must. */
  readonly long: boolean
}

const PLACEMENT_KEY = /^([0-9a-f]{2})\/(\1[0-9a-f]{62}\.[0-9a-z]{1,48})$/
const PLACEMENT_NAME = /^[0-9a-f]{64}\.[0-9a-z]{1,48}$/
/** With a sidecar's suffix names stay below 143 bytes, the least that common file systems take (eCryptfs). */
const MAX_ESCAPED_BYTES = 120
const LONG_PREFIX_BYTES = 32

/** No key: its sidecar knows. */
export const LONG: unique symbol = Symbol('long')

export const SHARDS: readonly string[] = Array.from({ length: 256 }, (_, index) =>
  index.toString(16).padStart(2, '0'),
)

export function placeOf(key: string): Place {
  const match = PLACEMENT_KEY.exec(key)
  if (match?.[1] !== undefined && match[2] !== undefined) {
    return { key, shard: match[1], fileName: match[2], once: true, long: false }
  }
  const hex = createHash('sha256').update(key).digest('hex')
  const escaped = escapeKey(key)
  const long = escaped.length > MAX_ESCAPED_BYTES
  const fileName = long ? `h.${hex}.${escaped.slice(0, LONG_PREFIX_BYTES)}_` : `k.${escaped}`
  return { key, shard: hex.slice(0, 2), fileName, once: false, long }
}

/** The key that a file in a shard stands for; LONG when only its sidecar knows; undefined for what we never wrote. */
export function keyOf(shard: string, fileName: string): string | typeof LONG | undefined {
  if (PLACEMENT_NAME.test(fileName)) return fileName.startsWith(shard) ? `${shard}/${fileName}` : undefined
  if (/^h\.[0-9a-f]{64}\./.test(fileName)) return fileName.startsWith(shard, 2) ? LONG : undefined
  if (!fileName.startsWith('k.')) return undefined
  const key = unescapeKey(fileName.slice(2))
  if (key === undefined) return undefined
  const place = placeOf(key)
  return place.shard === shard && place.fileName === fileName ? key : undefined
}

export function escapeKey(key: string): string {
  let escaped = ''
  const bytes = Buffer.from(key)
  for (const [index, byte] of bytes.entries()) {
    const letter = String.fromCharCode(byte)
    const plain = /[a-z0-9_-]/.test(letter) || (letter === '.' && index < bytes.length - 1)
    escaped += plain ? letter : `%${byte.toString(16).padStart(2, '0')}`
  }
  return escaped
}

/** undefined for a name that `escapeKey` does not make. */
export function unescapeKey(escaped: string): string | undefined {
  if (!/^(?:[a-z0-9_.-]|%[0-9a-f]{2})*$/.test(escaped)) return undefined
  const latin = escaped.replace(/%([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const key = Buffer.from(latin, 'latin1').toString()
  return escapeKey(key) === escaped ? key : undefined
}
