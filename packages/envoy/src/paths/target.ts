import { MAX_TARGET_BYTES } from '../defaults.ts'

/** A request target that can be read in one way only. */
export interface CleanTarget {
  /** Still encoded, without the query. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
}

/** What browsers send in a path as it is. Not in it: `#` and `\`, which proxies and stores read differently, and all that is encoded. */
const PATH_LETTERS = /^[A-Za-z0-9\-._~!$&'()*+,;=:@%/|^[\]]*$/
const QUERY_LETTERS = /^[A-Za-z0-9\-._~!$&'()*+,;=:@%/|^[\]?{}`]*$/
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/
/** Slash, backslash, NUL and other control characters under an encoding; and an encoding of such an encoding. */
const HIDDEN = /%(?:2f|5c|[01][0-9a-f]|7f|25(?:2e|2f|5c|00|25))/i
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i

/**
 * Takes a target apart, or answers `undefined` where two readers could mean different things by it: dot segments, empty segments,
 * encoded separators, double encoding, control characters, what is not UTF-8. Nothing is repaired: what was checked is what is fetched.
 */
export function parseTarget(target: string): CleanTarget | undefined {
  if (!target.startsWith('/') || target.length > MAX_TARGET_BYTES) return undefined
  const question = target.indexOf('?')
  const path = question === -1 ? target : target.slice(0, question)
  const query = question === -1 ? '' : target.slice(question + 1)
  if (!PATH_LETTERS.test(path) || !QUERY_LETTERS.test(query)) return undefined
  if (BAD_ESCAPE.test(path) || HIDDEN.test(path)) return undefined
  const segments = path.slice(1).split('/')
  if (segments.some((segment) => segment === '' || DOT_SEGMENT.test(segment))) return undefined
  return isUtf8(path) ? { path, query } : undefined
}

function isUtf8(path: string): boolean {
  if (!path.includes('%')) return true
  try {
    return decodeURIComponent(path) !== ''
  } catch {
    return false
  }
}
