import { refuseForm } from './refuse.ts'

const MULTIPART = /^multipart\/form-data[ \t]*(?:;|$)/i
const ANY_MULTIPART = /^multipart\//i
// RFC 2046 section 5.1.1: 1 to 70 bchars, the last of them not a space.
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/

/** Tells whether the content type names a form; other multipart types are refused by `boundaryOf`. */
export function isMultipart(contentType: string | undefined): contentType is string {
  return contentType !== undefined && ANY_MULTIPART.test(contentType)
}

/**
 * The boundary that a `multipart/form-data` content type names.
 * @throws MediaError MEDIA_TYPE_REFUSED `nested-multipart` for another multipart type, MEDIA_BAD_INPUT
 * `malformed-multipart` for a boundary that is absent, given twice, longer than 70 characters or of other characters.
 * @see RFC 2046 section 5.1.1
 */
export function boundaryOf(contentType: string): string {
  if (!MULTIPART.test(contentType)) {
    throw refuseForm(
      'nested-multipart',
      'of the multipart types only multipart/form-data is taken',
      'MEDIA_TYPE_REFUSED',
    )
  }
  const found = [...contentType.matchAll(/;[ \t]*boundary=(?:"((?:[^"\\]|\\.)*)"|([^";\s]*))/gi)]
  const [first, ...others] = found
  if (first === undefined) throw refuseForm('malformed-multipart', 'the content type names no boundary')
  if (others.length > 0) throw refuseForm('malformed-multipart', 'the content type names two boundaries')
  const boundary = first[1]?.replace(/\\(.)/g, '$1') ?? first[2] ?? ''
  if (!BOUNDARY.test(boundary)) {
    throw refuseForm('malformed-multipart', 'the boundary must be 1 to 70 characters of RFC 2046')
  }
  return boundary
}
