import { createHash } from 'node:crypto'
import type { ContentRecord, MediaRecord } from '../contracts/catalog.ts'
import type { LinkTarget, MediaQuery } from '../contracts/media.ts'
import { addWords, MAX_QUERY_WORDS, MAX_RECORD_WORDS, wordsOf } from './words.ts'

/**
 * Every filter of a list is a posting list: the ids of the media that have a term, newest first.
 * One filter reads one list, several read their intersection, so the cost of a page depends on the page,
 * not on how many records there are or how rare a tag is.
 *
 *   o:<owner>  t:<tag>  y:<type>  y:<major>/*  s:<state> unless active  l:<kind length>:<kind>:<target>  w:<word>
 *   p:<owner length>:<owner>:<tag>
 *
 * An owner together with a tag is a list of its own: people look through their own media, and two long lists
 * that hardly ever meet would be walked for nothing.
 *
 * Terms that are long or hold what a database may refuse (NUL, lone surrogates) are replaced by a digest.
 * That may let two texts share a term; whoever reads postings checks what it found with `matchesQuery`.
 */

/** What terms are made from: any record, or as much of one. */
export type TermSource = Pick<MediaRecord, 'owner' | 'key' | 'tags' | 'metadata' | 'links'> & {
  readonly content: Pick<ContentRecord, 'contentType' | 'filename' | 'state'>
}

/** Top-level members of metadata whose strings are searched. */
export const SEARCHED_METADATA: readonly string[] = [
  'title',
  'description',
  'caption',
  'alt',
  'name',
  'author',
]

/** Longest term in UTF-16 units. */
const MAX_TERM_LENGTH = 200

/** The distinct terms of a record, those to store in its postings. */
export function termsOf(record: TermSource): string[] {
  const { content } = record
  const terms = new Set<string>([ownerTerm(record.owner), typeTerm(content.contentType)])
  const major = majorOf(content.contentType)
  if (major !== undefined) terms.add(typeTerm(`${major}/*`))
  if (content.state !== 'active') terms.add(stateTerm(content.state))
  for (const tag of record.tags) terms.add(tagTerm(tag)).add(ownerTagTerm(record.owner, tag))
  for (const link of record.links) terms.add(linkTerm(link))
  for (const word of recordWords(record)) terms.add(wordTerm(word))
  return [...terms]
}

/**
 * The terms that must all match. None: the query asks for all media, or only for what has no postings
 * (`state: 'active'`, times, a key); `matchesQuery` decides about those.
 */
export function queryTerms(query: MediaQuery): string[] {
  const terms = new Set<string>()
  // Rare ones first: intersection walks the first list.
  if (query.link !== undefined) terms.add(linkTerm(query.link))
  if (query.q !== undefined) for (const word of wordsOf(query.q, MAX_QUERY_WORDS)) terms.add(wordTerm(word))
  if (query.tag !== undefined && query.owner !== undefined) terms.add(ownerTagTerm(query.owner, query.tag))
  else if (query.tag !== undefined) terms.add(tagTerm(query.tag))
  else if (query.owner !== undefined) terms.add(ownerTerm(query.owner))
  if (query.state !== undefined && query.state !== 'active') terms.add(stateTerm(query.state))
  if (query.type !== undefined) terms.add(typeTerm(query.type))
  return [...terms]
}

/** The words by which a record is found: of its file name, key, tags and listed metadata, in this order. */
export function recordWords(record: TermSource): ReadonlySet<string> {
  const words = new Set<string>()
  addWords(words, record.content.filename, MAX_RECORD_WORDS)
  if (record.key !== undefined) addWords(words, record.key, MAX_RECORD_WORDS)
  for (const tag of record.tags) addWords(words, tag, MAX_RECORD_WORDS)
  for (const name of SEARCHED_METADATA) {
    const value = Object.hasOwn(record.metadata, name) ? record.metadata[name] : undefined
    if (typeof value === 'string') addWords(words, value, MAX_RECORD_WORDS)
  }
  return words
}

/** The term of a link; also what `linked` reads. Kind and target may hold any character: the length keeps them apart. */
export function linkTerm(link: LinkTarget): string {
  return bounded(`l:${link.kind.length}:${link.kind}:${link.target}`)
}

/** The term of a tag on media of one owner. */
export function ownerTagTerm(owner: string, tag: string): string {
  return bounded(`p:${owner.length}:${owner}:${tag}`)
}

/** The part of a media type before its slash, `undefined` for what is no media type. */
export function majorOf(contentType: string): string | undefined {
  const slash = contentType.indexOf('/')
  return slash > 0 ? contentType.slice(0, slash) : undefined
}

const ownerTerm = (owner: string): string => bounded(`o:${owner}`)
const tagTerm = (tag: string): string => bounded(`t:${tag}`)
const typeTerm = (type: string): string => bounded(`y:${type.toLowerCase()}`)
const stateTerm = (state: string): string => `s:${state}`
const wordTerm = (word: string): string => bounded(`w:${word}`)

function bounded(term: string): string {
  if (term.length <= MAX_TERM_LENGTH && !/\0|\p{Surrogate}/u.test(term)) return term
  return `${term.charAt(0)}#${createHash('sha256').update(term).digest('base64url')}`
}
