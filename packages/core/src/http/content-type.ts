import { MediaError } from '../errors/media-error.ts'
import { endOfToken, readQuoted, skipBlanks } from './token.ts'

/** A media type in parts. */
export interface ContentType {
  /** `type/subtype` in lower case. */
  readonly essence: string
  /** Names in lower case, values as sent; of `charset` in lower case too. */
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

const MAX_CONTENT_TYPE_LENGTH = 255

/**
 * Reads a media type strictly: tokens where the grammar wants tokens, each parameter once, no control characters,
 * at most 255 characters. Lists, as a repeated header makes them, are refused.
 * @throws MediaError MEDIA_BAD_INPUT `bad-content-type`
 * @see RFC 9110 section 8.3.1
 */
export function parseContentType(text: string): ContentType {
  if (text.length > MAX_CONTENT_TYPE_LENGTH) throw badContentType('is longer than 255 characters')
  const typeAt = skipBlanks(text, 0)
  const slash = endOfToken(text, typeAt)
  const end = endOfToken(text, slash + 1)
  if (slash === typeAt || text[slash] !== '/' || end === slash + 1)
    throw badContentType('is not type/subtype')
  const parameters: [string, string][] = []
  let at = skipBlanks(text, end)
  while (at < text.length) {
    if (text[at] !== ';') throw badContentType('has text after the type that is no parameter')
    at = skipBlanks(text, at + 1)
    if (at === text.length || text[at] === ';') continue // empty parameters are allowed by the grammar
    const nameEnd = endOfToken(text, at)
    if (nameEnd === at || text[nameEnd] !== '=') throw badContentType('has a parameter without name or value')
    const name = text.slice(at, nameEnd).toLowerCase()
    const read = readValue(text, nameEnd + 1)
    if (read === undefined) throw badContentType('has a parameter with a bad value')
    if (parameters.some(([known]) => known === name)) throw badContentType('has a parameter twice')
    parameters.push([name, name === 'charset' ? read.value.toLowerCase() : read.value])
    at = skipBlanks(text, read.end)
  }
  return { essence: text.slice(typeAt, end).toLowerCase(), parameters }
}

/** `type/subtype` in lower case. @throws MediaError MEDIA_BAD_INPUT `bad-content-type` */
export function essenceOf(text: string): string {
  return parseContentType(text).essence
}

/** One spelling for each media type: lower case, `; name=value`, quotes only where needed. */
export function formatContentType(type: ContentType): string {
  let text = type.essence
  for (const [name, value] of type.parameters) {
    const isToken = value !== '' && endOfToken(value, 0) === value.length
    text += isToken ? `; ${name}=${value}` : `; ${name}="${value.replace(/[\\"]/g, '\\$&')}"`
  }
  return text
}

function readValue(text: string, at: number): { readonly value: string; readonly end: number } | undefined {
  if (text[at] === '"') return readQuoted(text, at)
  const end = endOfToken(text, at)
  return end === at ? undefined : { value: text.slice(at, end), end }
}

function badContentType(why: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `the content type ${why}`, { reason: 'bad-content-type' })
}
