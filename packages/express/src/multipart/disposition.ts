import { isUtf8 } from 'node:buffer'
import { refuseForm } from './refuse.ts'

export interface PartDisposition {
  readonly name: string
  readonly filename: string | undefined
}

// A parameter: token, then a token or a quoted string. A backslash counts only before a quote or a backslash:
// browsers send it as it is, and `C:\new` is not an escaped n.
const PARAMETER = /[ \t]*;[ \t]*([!#$%&'+\-.^_`|~0-9A-Za-z]+\*?)=(?:"((?:[^"\\]|\\.)*)"|([^\s";]*))/gy
const TRAILER = /^[ \t]*;?[ \t]*$/

/**
 * Reads `form-data; name="file"; filename="a.png"`, strictly: what two readers could take differently is refused.
 * @throws MediaError MEDIA_BAD_INPUT `ambiguous-filename` when two names are given that differ, or one twice.
 * @see RFC 7578 section 4.2, RFC 8187, and the form encoding of the HTML standard (`%22` for a quote)
 */
export function parseDisposition(value: string): PartDisposition {
  const type = /^[ \t]*form-data(?=[ \t]*(?:;|$))/i.exec(value)
  if (type === null)
    throw refuseForm('missing-disposition', 'the Content-Disposition of a part is not form-data')
  let name: string | undefined
  let filename: string | undefined
  let extended: string | undefined
  PARAMETER.lastIndex = type[0].length
  let at = PARAMETER.lastIndex
  for (let match = PARAMETER.exec(value); match !== null; match = PARAMETER.exec(value)) {
    at = PARAMETER.lastIndex
    const key = match[1]?.toLowerCase()
    const given = match[2] === undefined ? text(match[3] ?? '') : unquote(match[2])
    if (key === 'name') {
      if (name !== undefined) throw refuseForm('malformed-multipart', 'a part has two names')
      name = given
    } else if (key === 'filename') {
      if (filename !== undefined) throw refuseForm('ambiguous-filename', 'a part has two file names')
      filename = given
    } else if (key === 'filename*') {
      if (extended !== undefined) throw refuseForm('ambiguous-filename', 'a part has two file names')
      extended = parseExtended(match[3] ?? match[2] ?? '')
    }
  }
  if (!TRAILER.test(value.slice(at))) {
    throw refuseForm('malformed-multipart', 'the Content-Disposition of a part is malformed')
  }
  if (name === undefined) throw refuseForm('invalid-field-name', 'a part has no name')
  if (filename !== undefined && extended !== undefined && filename !== extended) {
    throw refuseForm('ambiguous-filename', 'filename and filename* of a part differ')
  }
  const chosen = filename ?? extended
  if (chosen?.includes('\0') || name.includes('\0')) {
    throw refuseForm('invalid-filename', 'a name in a part contains NUL')
  }
  return { name, filename: chosen }
}

function unquote(quoted: string): string {
  return text(quoted.replace(/\\(["\\])/g, '$1').replace(/%22/g, '"'))
}

/** `UTF-8'en'na%C3%AFve.png` */
function parseExtended(value: string): string {
  const match = /^(?:utf-8)'[^']*'((?:[^%]|%[0-9a-f]{2})*)$/i.exec(value)
  const encoded = match?.[1]
  if (encoded === undefined)
    throw refuseForm('malformed-multipart', 'filename* of a part is not UTF-8 of RFC 8187')
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw refuseForm('malformed-multipart', 'filename* of a part is not UTF-8 of RFC 8187')
  }
}

/** Header text: UTF-8, as browsers send it; else taken byte by byte. */
export function text(latin1: string): string {
  const bytes = Buffer.from(latin1, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : latin1
}
