import { formatContentType, parseContentType } from './content-type.ts'
import { isHeaderValue } from './headers.ts'

/** The Content-Type to send, and its essence for decisions. */
export interface ServedType {
  readonly essence: string
  readonly value: string
}

const UNKNOWN: ServedType = { essence: 'application/octet-stream', value: 'application/octet-stream' }
const MAX_REMEMBERED = 256
// A pure function remembered: a store serves a handful of types, millions of times.
const remembered = new Map<string, ServedType>()

/**
 * The form in which a stored type is sent. `text/plain` is always UTF-8, so that no other charset (UTF-7, UTF-16)
 * can make harmless bytes into markup. A stored text that is no media type is served as bytes.
 */
export function servedContentType(stored: string): ServedType {
  const known = remembered.get(stored)
  if (known !== undefined) return known
  const served = readStored(stored)
  if (remembered.size >= MAX_REMEMBERED) remembered.clear()
  remembered.set(stored, served)
  return served
}

function readStored(stored: string): ServedType {
  try {
    const type = parseContentType(stored)
    if (type.essence === 'text/plain') return { essence: type.essence, value: 'text/plain; charset=utf-8' }
    const value = formatContentType(type)
    return isHeaderValue(value) && /^[\x20-\x7e]*$/.test(value) ? { essence: type.essence, value } : UNKNOWN
  } catch {
    return UNKNOWN // parseContentType fails for bad text only
  }
}
