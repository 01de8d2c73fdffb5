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

/** Where an id is spelled before it becomes a text: pieces put together would leave six short strings for the collector. */
const SPELLED = Buffer.from('00000000-0000-0000-0000-000000000000') as Buffer & {
  latin1Slice(start: number, end: number): string
}
const HEX = Buffer.from('0123456789abcdef')

export function readId(stored: StoredId): string {
  if (typeof stored === 'string') return stored
  for (let at = 0; at < 16; at++) {
    const digit = DIGITS[at] ?? 0
    const byte = stored[at] ?? 0
    SPELLED[digit] = HEX[byte >> 4] ?? 0
    SPELLED[digit + 1] = HEX[byte & 15] ?? 0
  }
  return SPELLED.latin1Slice(0, 36)
}

/** A digest is stored as its 32 bytes. */
export function storeDigest(digest: string): Uint8Array {
  return Buffer.from(digest.slice(7), 'hex')
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
  for (let at = 0; at < 16; at++) {
    const digit = DIGITS[at] ?? 0
    // The bit that makes a letter small is set in every digit.
    SPELLED[digit] = text.charCodeAt(at * 2) | 0x20
    SPELLED[digit + 1] = text.charCodeAt(at * 2 + 1) | 0x20
  }
  return SPELLED.latin1Slice(0, 36)
}
