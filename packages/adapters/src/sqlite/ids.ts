/** How an id is stored: 16 bytes for a UUID, which sort like its text; text for any other name. */
export type StoredId = Uint8Array | string

const DASHES: readonly number[] = [8, 13, 18, 23]
/** Where the two digits of each byte stand in the text of a UUID. */
const DIGITS: readonly number[] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]

export function storeId(id: string): StoredId {
  if (id.length !== 36) return id
  const bytes = Buffer.allocUnsafe(16)
  for (let at = 0; at < 16; at++) {
    const digit = DIGITS[at] ?? 0
    const value = (digitOf(id.charCodeAt(digit)) << 4) | digitOf(id.charCodeAt(digit + 1))
    if (value < 0) return id
    bytes[at] = value
  }
  for (const dash of DASHES) if (id.charCodeAt(dash) !== 0x2d) return id
  return bytes
}

/** Of a lower-case hexadecimal digit; negative for anything else, so that a sum of both digits is too. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1
}

export function readId(stored: StoredId): string {
  if (typeof stored === 'string') return stored
  const hex = asBuffer(stored).hexSlice(0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** A digest is stored as its 32 bytes. */
export function storeDigest(digest: string): Uint8Array {
  return Buffer.from(digest.slice(7), 'hex')
}

function asBuffer(bytes: Uint8Array): Buffer & { hexSlice(start: number, end: number): string } {
  return (
    Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  ) as never
}

/** SQL for an id column as JSON text, to be read by `readJsonId`. */
export function idAsJson(column: string): string {
  return `CASE typeof(${column}) WHEN 'blob' THEN hex(${column}) ELSE '~' || ${column} END`
}

/** An id as text in the same form: one that `readJsonId` gives back as it is. */
export function jsonId(id: string): string {
  return `~${id}`
}

export function readJsonId(text: string): string {
  if (text.startsWith('~')) return text.slice(1)
  const hex = text.toLowerCase()
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
