import { isUtf8 } from 'node:buffer'
import { badName } from '../names/bad-name.ts'
import { endOfToken, readQuoted, skipBlanks } from './token.ts'

const MAX_HEADER_LENGTH = 8_192

/**
 * The file name a raw upload's Content-Disposition gives, as sent: clean it with `cleanFilename`.
 * `undefined` when it gives none. `filename` beside `filename*` must be the same name, or its ASCII form with
 * one `?`, `_` or `-` for each character that is not ASCII; when they differ otherwise (`a.png`, `b.php`), or one stands
 * twice, nobody can tell which name was checked, and the header is refused.
 * @throws MediaError MEDIA_BAD_INPUT `ambiguous-filename`, `nul-in-name`, or `bad-disposition` for what does not parse.
 * @see RFC 6266 section 4, RFC 8187 section 3.2
 */
export function parseUploadName(header: string | undefined): string | undefined {
  if (header === undefined) return undefined
  if (header.length > MAX_HEADER_LENGTH) throw badName('bad-disposition', 'Content-Disposition is too long')
  if (header.includes('\0')) throw badName('nul-in-name', 'the file name holds a NUL')
  const parameters = readParameters(header)
  const plain = parameters.get('filename')
  const extended = parameters.get('filename*')
  const name = plain === undefined ? undefined : decodeLatin1(plain)
  if (extended === undefined) return name
  const full = decodeExtended(extended)
  if (full.includes('\0')) throw badName('nul-in-name', 'the file name holds a NUL')
  if (name !== undefined && name !== full && !isAsciiFormOf(name, full)) {
    throw badName('ambiguous-filename', 'filename and filename* say different names')
  }
  return full
}

function readParameters(header: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>()
  const typeAt = skipBlanks(header, 0)
  let at = endOfToken(header, typeAt)
  if (at === typeAt) throw malformed()
  for (;;) {
    at = skipBlanks(header, at)
    if (at === header.length) return parameters
    if (header[at] !== ';') throw malformed()
    const nameAt = skipBlanks(header, at + 1)
    if (nameAt === header.length) return parameters // a trailing semicolon
    const nameEnd = endOfToken(header, nameAt)
    const equals = skipBlanks(header, nameEnd)
    if (nameEnd === nameAt || header[equals] !== '=') throw malformed()
    const valueAt = skipBlanks(header, equals + 1)
    const name = header.slice(nameAt, nameEnd).toLowerCase()
    const read = header[valueAt] === '"' ? readQuoted(header, valueAt) : readBare(header, valueAt)
    if (read === undefined) throw malformed()
    if (parameters.has(name))
      throw badName('ambiguous-filename', 'a parameter of Content-Disposition stands twice')
    parameters.set(name, read.value)
    at = read.end
  }
}

/** A token; bytes beyond ASCII are taken too, as senders of `filename=naïve.png` mean it. */
function readBare(text: string, at: number): { readonly value: string; readonly end: number } | undefined {
  let end = at
  for (let next = endOfToken(text, end); end < text.length; next = endOfToken(text, end)) {
    if (next > end) end = next
    else if (text.charCodeAt(end) >= 0x80) end++
    else break
  }
  return end === at ? undefined : { value: text.slice(at, end), end }
}

/** Header bytes come as Latin-1; most senders mean UTF-8. */
function decodeLatin1(value: string): string {
  if (!/[\x80-\xff]/.test(value) || /[^\x00-\xff]/.test(value)) return value
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : value
}

/** `UTF-8'en'na%C3%AFve.png`; the older ISO-8859-1 form too. */
function decodeExtended(value: string): string {
  const match = /^(utf-8|iso-8859-1)'[A-Za-z0-9-]*'((?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})*)$/i.exec(
    value,
  )
  const [, charset, encoded] = match ?? []
  if (charset === undefined || encoded === undefined) throw malformed()
  if (charset.toLowerCase() === 'iso-8859-1') return unescape8(encoded)
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw malformed()
  }
}

function unescape8(encoded: string): string {
  return encoded.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

/** Fallbacks are made from code points by some senders and from UTF-16 units by others. */
function isAsciiFormOf(plain: string, full: string): boolean {
  return [Array.from(full), full.split('')].some(
    (characters) =>
      characters.length === plain.length &&
      characters.every((character, at) => {
        const shown = plain.charAt(at)
        const isReplaced = character > '~' || character === '"' || character === '\\' || character === '%'
        return shown === character || (isReplaced && (shown === '?' || shown === '_' || shown === '-'))
      }),
  )
}

function malformed(): Error {
  return badName('bad-disposition', 'Content-Disposition does not parse')
}
