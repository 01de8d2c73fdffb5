import { CONTROLS, cutToBytes, DECEIVING } from '../names/characters.ts'

/** Longest text that is kept of a body: names of cameras and lenses have up to 60 characters. */
const MAX_TEXT_BYTES = 128
/** What is read for it. */
export const MAX_TEXT_READ_BYTES = 256

/**
 * Text of a body up to its first NUL, as a record may hold it: UTF-8 of at most 128 bytes; controls, what turns or hides other
 * characters, and bytes that are no UTF-8 are left out. `undefined` when nothing is left.
 */
export function cleanText(bytes: Buffer): string | undefined {
  const nul = bytes.indexOf(0)
  const text = bytes
    .toString('utf8', 0, nul < 0 ? Math.min(bytes.length, MAX_TEXT_READ_BYTES) : nul)
    .replaceAll(CONTROLS, ' ')
    .replaceAll(DECEIVING, '')
    .replaceAll('\ufffd', '')
    .replaceAll(/\s+/g, ' ')
    .trim()
  return cutToBytes(text, MAX_TEXT_BYTES).trim() || undefined
}
