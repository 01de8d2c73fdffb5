import { digestHex } from '../bytes/digest.ts'
import type { Digest } from '../contracts/bytes.ts'
import { skipBlanks } from './token.ts'

/** A validator as it stands in a header: `W/"x"` is `{ opaque: 'x', weak: true }`. */
export interface EntityTag {
  readonly opaque: string
  readonly weak: boolean
}

/** `*`, the tags of a list, or `malformed` when the text is no list of entity tags. */
export type EntityTagList = '*' | readonly EntityTag[] | 'malformed'

const OPAQUE = /^[!#-~\x80-\xff]*$/

/** Strong validator of a content, without quotes: `sha256-` and the digest in base64url. Equal for equal bytes only. */
export function etagOfDigest(digest: Digest): string {
  return `sha256-${Buffer.from(digestHex(digest), 'hex').toString('base64url')}`
}

/** Strong validator of a record (not of its bytes), without quotes. */
export function etagOfRevision(revision: number): string {
  return `r${revision}`
}

/** The revision a record's validator stands for; `undefined` for any other text. */
export function revisionOfEtag(opaque: string): number | undefined {
  if (!/^r(?:0|[1-9][0-9]{0,14})$/.test(opaque)) return undefined
  return Number(opaque.slice(1))
}

/** Tells whether `opaque` can stand between the quotes of an entity tag. @see RFC 9110 section 8.8.3 */
export function isEtagOpaque(opaque: string): boolean {
  return OPAQUE.test(opaque)
}

/** The header form of a strong validator. `undefined` when `opaque` cannot stand in one. */
export function formatEtag(opaque: string): string | undefined {
  return isEtagOpaque(opaque) ? `"${opaque}"` : undefined
}

/** One entity tag and nothing else; `undefined` when it is none. */
export function parseEtag(text: string): EntityTag | undefined {
  const read = readEtag(text, 0)
  return read !== undefined && read.end === text.length ? read.tag : undefined
}

/**
 * Reads the value of If-Match or If-None-Match. Empty list elements and blanks around commas are allowed;
 * commas and backslashes inside a tag belong to it. Time grows linearly with the length.
 * @see RFC 9110 sections 5.6.1, 8.8.3, 13.1.1
 */
export function parseEtagList(text: string): EntityTagList {
  if (text.trim() === '*') return '*'
  const tags: EntityTag[] = []
  let at = skipSeparators(text, 0)
  while (at < text.length) {
    const read = readEtag(text, at)
    if (read === undefined) return 'malformed'
    tags.push(read.tag)
    at = skipBlanks(text, read.end)
    if (at < text.length && text[at] !== ',') return 'malformed'
    at = skipSeparators(text, at)
  }
  return tags.length === 0 ? 'malformed' : tags
}

/** Strong comparison: both strong and equal. `etag` is ours, without quotes, and strong. */
export function matchesStrongly(tag: EntityTag, etag: string): boolean {
  return !tag.weak && tag.opaque === etag
}

/** Weak comparison: equal, whether weak or not. */
export function matchesWeakly(tag: EntityTag, etag: string): boolean {
  return tag.opaque === etag
}

function readEtag(text: string, at: number): { readonly tag: EntityTag; readonly end: number } | undefined {
  const weak = text.startsWith('W/', at) // case-sensitive by the grammar
  const open = weak ? at + 2 : at
  if (text[open] !== '"') return undefined
  const close = text.indexOf('"', open + 1)
  if (close === -1) return undefined
  const opaque = text.slice(open + 1, close)
  return isEtagOpaque(opaque) ? { tag: { opaque, weak }, end: close + 1 } : undefined
}

function skipSeparators(text: string, from: number): number {
  let at = from
  while (text[at] === ' ' || text[at] === '\t' || text[at] === ',') at++
  return at
}
