import { MAX_KEY_BYTES } from '../defaults.ts'
import { badName } from './bad-name.ts'
import { isUnprintable } from './characters.ts'

const DIRECTION_OVERRIDES = /[\u202a-\u202e\u2066-\u2069]/
// What is still encoded after the one decoding of the address was encoded twice; the next hop might decode it.
const ENCODED_SEPARATOR = /%(?:2e|2f|5c|00)/i

/**
 * A host's own name of a media: segments between slashes, none of them empty, `.` or `..`; no backslash, control
 * character, direction override or percent-encoded separator; at most 1,024 bytes of UTF-8.
 * The answer is in NFC: the two spellings of `é`, which look the same and which macOS and others send differently,
 * name one media. Case counts. Keys are compared as text and never become paths.
 * @throws MediaError MEDIA_BAD_INPUT `bad-key`
 */
export function parseMediaKey(raw: string): string {
  if (typeof raw !== 'string') throw badName('bad-key', 'a key is a text')
  // A code unit takes at least one byte: longer text need not be looked at. NFC can shrink text, but not this much.
  if (raw.length > 4 * MAX_KEY_BYTES) throw badName('bad-key', `a key has at most ${MAX_KEY_BYTES} bytes`)
  if (isUnprintable(raw) || DIRECTION_OVERRIDES.test(raw)) {
    throw badName('bad-key', 'a key holds no control characters')
  }
  const key = raw.normalize('NFC')
  if (Buffer.byteLength(key) > MAX_KEY_BYTES)
    throw badName('bad-key', `a key has at most ${MAX_KEY_BYTES} bytes`)
  if (key.includes('\\')) throw badName('bad-key', 'a key holds no backslash')
  if (ENCODED_SEPARATOR.test(key))
    throw badName('bad-key', 'a key holds no percent-encoded dot, slash or NUL')
  for (const segment of key.split('/')) {
    if (segment === '' || segment === '.' || segment === '..') {
      throw badName('bad-key', 'segments of a key are not empty, "." or ".."')
    }
  }
  return key
}

/**
 * The key in the path of an address, as it stands on the request line: decoded once, segment by segment.
 * Give it the raw path: `new URL` resolves `..` and `%2e%2e` before anybody can refuse them.
 * @throws MediaError MEDIA_BAD_INPUT `bad-key`, also for an encoded slash and for bytes that are not UTF-8.
 */
export function parseKeyPath(rawPath: string): string {
  if (rawPath.length > 12 * MAX_KEY_BYTES)
    throw badName('bad-key', `a key has at most ${MAX_KEY_BYTES} bytes`)
  const segments = rawPath.split('/').map(decodeSegment)
  if (segments.some((segment) => segment.includes('/')))
    throw badName('bad-key', 'a key holds no encoded slash')
  return parseMediaKey(segments.join('/'))
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badName('bad-key', 'the key in the address is not percent-encoded UTF-8')
  }
}
