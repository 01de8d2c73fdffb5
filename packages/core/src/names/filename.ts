import { MAX_FILENAME_BYTES } from '../defaults.ts'
import { badName } from './bad-name.ts'
import { CONTROLS, cutToBytes, DECEIVING, wellFormed } from './characters.ts'

const DEFAULT_FILENAME = 'file'
const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}\.[A-Za-z0-9]{1,10}$/
// Windows opens these devices whatever follows the first dot.
const DEVICE =
  /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])[ ]*(?:\.|$)/i
const MAX_EXTENSION_BYTES = 32

/**
 * A name for display and download: the last segment of what was sent, in NFC, at most 255 bytes of UTF-8 with its
 * extension kept, without control characters, direction overrides, drive letters, stream suffixes, leading or trailing
 * blanks, trailing dots; names of Windows devices get `_` before them. What is left empty becomes `file`.
 * Cleaning a cleaned name changes nothing. The result is still the sender's text: never part of a path, never HTML.
 * @throws MediaError MEDIA_BAD_INPUT `nul-in-name`: a NUL is never an accident; `invalid-filename` for what is no text.
 */
export function cleanFilename(raw: string): string {
  if (typeof raw !== 'string') throw badName('invalid-filename', 'a file name is a text')
  if (PLAIN.test(raw) && !DEVICE.test(raw)) return raw
  if (raw.includes('\0')) {
    throw badName('nul-in-name', 'the file name holds a NUL')
  }
  const visible = wellFormed(raw).replace(CONTROLS, '').replace(DECEIVING, '').normalize('NFC')
  const segment = visible.slice(Math.max(visible.lastIndexOf('/'), visible.lastIndexOf('\\')) + 1)
  const local = withoutStream(withoutDrive(segment)).replaceAll(':', '_')
  const name = cutKeepingExtension(trimmed(local))
  if (name === '') return DEFAULT_FILENAME
  return DEVICE.test(name) ? cutKeepingExtension(`_${name}`) : name
}

/** The extension in lower case without its dot; empty when there is none. `.profile` has none. */
export function extensionOf(filename: string): string {
  const dot = filename.lastIndexOf('.')
  return dot <= 0 ? '' : filename.slice(dot + 1).toLowerCase()
}

function withoutDrive(name: string): string {
  return name.replace(/^[A-Za-z]:/, '')
}

/** `a.png::$DATA` is `a.png` to NTFS. */
function withoutStream(name: string): string {
  const at = name.toLowerCase().lastIndexOf(':$data')
  if (at === -1 || at + 6 !== name.length) return name
  return name.slice(0, name[at - 1] === ':' ? at - 1 : at)
}

function trimmed(name: string): string {
  const start = name.trimStart()
  let end = start.length
  while (end > 0 && (start[end - 1] === '.' || isSpace(start.charAt(end - 1)))) end--
  return start.slice(0, end)
}

function isSpace(character: string): boolean {
  return character.trim() === ''
}

function cutKeepingExtension(name: string): string {
  if (Buffer.byteLength(name) <= MAX_FILENAME_BYTES) return name
  const dot = name.lastIndexOf('.')
  const extension = dot <= 0 ? '' : name.slice(dot)
  const extensionBytes = Buffer.byteLength(extension)
  if (extensionBytes === 0 || extensionBytes > MAX_EXTENSION_BYTES)
    return trimmed(cutToBytes(name, MAX_FILENAME_BYTES))
  return cutToBytes(name.slice(0, dot), MAX_FILENAME_BYTES - extensionBytes) + extension
}
