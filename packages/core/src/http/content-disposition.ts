import { cleanFilename } from '../names/filename.ts'

const PLAIN_ASCII = /^[A-Za-z0-9 !#$&()+,;=@[\]^_`{}~.'-]*$/

/**
 * The value of Content-Disposition for any name: a quoted ASCII form without escapes, which old clients misread,
 * and `filename*` when that form is not the whole name. The result never holds control characters and is at most
 * about 1.1 KB, whatever the name.
 * @see RFC 6266 section 4.3 and appendix D, RFC 8187 section 3.2
 */
export function formatDisposition(type: 'inline' | 'attachment', filename: string): string {
  if (filename.length <= 100 && PLAIN_ASCII.test(filename)) return `${type}; filename="${filename}"`
  const name = cleanFilename(filename.replaceAll('\0', ''))
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/gu, '_')
  if (ascii === name) return `${type}; filename="${name}"`
  return `${type}; filename="${ascii}"; filename*=UTF-8''${encodeExtended(name)}`
}

/** RFC 8187 `ext-value` characters: encodeURIComponent leaves a few that are not `attr-char`. */
function encodeExtended(name: string): string {
  return encodeURIComponent(name).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
