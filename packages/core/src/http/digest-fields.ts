import { digestFromHex } from '../bytes/digest.ts'
import type { Digest } from '../contracts/bytes.ts'
import { MediaError } from '../errors/media-error.ts'
import { headerOf, type RequestHeaders } from './headers.ts'
import { skipBlanks } from './token.ts'

const MAX_FIELD_LENGTH = 8_192
const KEY = /[a-z*][a-z0-9_.*-]*/y
const BYTES = /:([A-Za-z0-9+/]*={0,2}):/y
// Parameters mean nothing here, but must parse: `;a`, `;a=1`, `;a="x"`, `;a=:AA==:`.
const PARAMETER =
  /[ ]*;[ ]*[a-z*][a-z0-9_.*-]*(?:=(?:"(?:[ !#-[\]-~]|\\["\\])*"|:[A-Za-z0-9+/]*={0,2}:|[A-Za-z0-9?*!#$%&'+.^_`|~:/-]+))?/y

/**
 * The SHA-256 that a Content-Digest or Repr-Digest field declares; `undefined` when it declares other algorithms only.
 * @throws MediaError MEDIA_BAD_INPUT `bad-digest` when the field does not parse, `sha-256` is not 32 bytes,
 * or it stands twice with different values: a sender who asked for a check must not be left without one.
 * @see RFC 9530 sections 2, 3 and 5, RFC 8941 sections 3.2, 3.3.5
 */
export function parseDigestField(text: string): Digest | undefined {
  if (text.length > MAX_FIELD_LENGTH) throw badDigest('is too long')
  let digest: Digest | undefined
  let at = skipBlanks(text, 0)
  while (at < text.length) {
    const key = match(KEY, text, at)
    if (key === undefined || text[key.end] !== '=') throw badDigest('is not a dictionary of byte sequences')
    const value = match(BYTES, text, key.end + 1)
    if (value === undefined) throw badDigest('is not a dictionary of byte sequences')
    at = value.end
    for (let more = match(PARAMETER, text, at); more !== undefined; more = match(PARAMETER, text, at))
      at = more.end
    if (key.text === 'sha-256') {
      const read = digestOfBase64(value.text.slice(1, -1))
      if (digest !== undefined && digest !== read) throw badDigest('says two values of sha-256')
      digest = read
    }
    at = skipBlanks(text, at)
    if (at === text.length) return digest
    if (text[at] !== ',') throw badDigest('is not a dictionary of byte sequences')
    at = skipBlanks(text, at + 1)
    if (at === text.length) throw badDigest('ends with a comma')
  }
  throw badDigest('is empty')
}

/**
 * The digest a sender declares of its whole body, by Repr-Digest or Content-Digest or both.
 * Both name the same bytes as long as no content coding is taken.
 * @throws MediaError MEDIA_BAD_INPUT `bad-digest`, also when the two differ.
 */
export function declaredDigest(headers: RequestHeaders): Digest | undefined {
  const ofContent = headerOf(headers, 'content-digest')
  const ofRepresentation = headerOf(headers, 'repr-digest')
  const first = ofContent === undefined ? undefined : parseDigestField(ofContent)
  const second = ofRepresentation === undefined ? undefined : parseDigestField(ofRepresentation)
  if (first !== undefined && second !== undefined && first !== second) {
    throw badDigest('says something else in Content-Digest than in Repr-Digest')
  }
  return first ?? second
}

/** The value of a Content-Digest or Repr-Digest field. */
export function formatDigestField(digest: Digest): string {
  return `sha-256=:${Buffer.from(digest.slice('sha256:'.length), 'hex').toString('base64')}:`
}

function digestOfBase64(base64: string): Digest {
  // 43 characters are 258 bits: 32 bytes and two bits to spare. Padding may be left out.
  if (!/^[^=]{43}=?$/.test(base64)) throw badDigest('says a sha-256 that is not 32 bytes')
  return digestFromHex(Buffer.from(base64, 'base64').toString('hex'))
}

function match(
  pattern: RegExp,
  text: string,
  at: number,
): { readonly text: string; readonly end: number } | undefined {
  pattern.lastIndex = at
  const found = pattern.exec(text)
  return found === null ? undefined : { text: found[0], end: at + found[0].length }
}

function badDigest(why: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `the digest field ${why}`, { reason: 'bad-digest' })
}
