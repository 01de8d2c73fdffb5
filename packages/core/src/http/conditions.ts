import type { MediaCondition } from '../contracts/media.ts'
import { MediaError } from '../errors/media-error.ts'
import { parseHttpDate, wholeSecondMs } from './dates.ts'
import { matchesStrongly, matchesWeakly, parseEtag, parseEtagList, revisionOfEtag } from './etag.ts'
import { headerOf, type RequestHeaders } from './headers.ts'

/** What is there now. Absent members: no such validator. */
export interface Validators {
  /** Strong, without quotes. */
  readonly etag?: string
  readonly modifiedAt?: Date
}

/** `proceed`: answer as without conditions. */
export type ConditionOutcome = 'proceed' | 'not-modified' | 'failed'

/**
 * Weighs the conditions of a GET or HEAD of something that exists, in the order of RFC 9110 section 13.2.2:
 * If-Match, else If-Unmodified-Since; then If-None-Match, else If-Modified-Since.
 * If-Match compares strongly, If-None-Match weakly. A date that is none is ignored; a malformed If-Match fails,
 * a malformed If-None-Match is ignored: both are the answers that cannot make a client keep wrong bytes.
 */
export function weighReadConditions(
  headers: RequestHeaders,
  current: Validators,
  nowMs: number,
): ConditionOutcome {
  const ifMatch = headerOf(headers, 'if-match')
  if (ifMatch !== undefined) {
    if (!holdsIfMatch(ifMatch, current.etag)) return 'failed'
  } else if (isModifiedSince(headerOf(headers, 'if-unmodified-since'), current, nowMs) === true) {
    return 'failed'
  }
  const ifNoneMatch = headerOf(headers, 'if-none-match')
  if (ifNoneMatch !== undefined)
    return holdsIfNoneMatch(ifNoneMatch, current.etag) ? 'proceed' : 'not-modified'
  return isModifiedSince(headerOf(headers, 'if-modified-since'), current, nowMs) === false
    ? 'not-modified'
    : 'proceed'
}

/**
 * Tells whether a Range may be served: always without If-Range, else only when the validator is strong and equal.
 * A date must be exactly the Last-Modified we send, to the second. Two replacements within one second share a date;
 * that is why an ETag goes with every content, which clients must prefer.
 * @see RFC 9110 section 13.1.5
 */
export function holdsIfRange(ifRange: string | undefined, current: Validators, nowMs: number): boolean {
  if (ifRange === undefined) return true
  const tag = parseEtag(ifRange)
  if (tag !== undefined) return current.etag !== undefined && matchesStrongly(tag, current.etag)
  if (current.modifiedAt === undefined) return false
  return parseHttpDate(ifRange, nowMs) === wholeSecondMs(current.modifiedAt.getTime())
}

/**
 * The condition a write states: `If-None-Match: *` is `absent`, `If-Match: *` is `exists`, tags are `match`
 * (of a content) or `revision` (of a record). `undefined` when it states none.
 * The store checks it under lock; a check here would be a race. If-Unmodified-Since: see `revisionUnlessModified`.
 * @param of Whose validators the tags are. Default `content`.
 * @throws MediaError MEDIA_BAD_INPUT `bad-condition` for what cannot be promised: malformed or weak-only tags are
 * not guessed at, because a write that was meant to be conditional must not go through without its condition.
 * @see RFC 9110 sections 13.1.1, 13.1.2, 13.2.2
 */
export function parseWriteCondition(
  headers: RequestHeaders,
  of: 'content' | 'record' = 'content',
): MediaCondition | undefined {
  const ifMatch = headerOf(headers, 'if-match')
  const ifNoneMatch = headerOf(headers, 'if-none-match')
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw badCondition('If-Match and If-None-Match cannot both hold for a write; send one')
  }
  if (ifNoneMatch !== undefined) {
    if (parseEtagList(ifNoneMatch) !== '*') throw badCondition('If-None-Match on a write must be *')
    return { type: 'absent' }
  }
  if (ifMatch === undefined) return undefined
  const list = parseEtagList(ifMatch)
  if (list === '*') return { type: 'exists' }
  if (list === 'malformed') throw badCondition('If-Match is not a list of entity tags')
  // Weak tags never match strongly. An empty list of strong ones is a condition that fails, not one that is absent.
  const etags = list.filter((tag) => !tag.weak).map((tag) => tag.opaque)
  if (of === 'content') return { type: 'match', etags }
  const revisions = etags.map(revisionOfEtag).filter((revision) => revision !== undefined)
  const [revision] = revisions
  if (revisions.length > 1) throw badCondition('If-Match on a record takes one entity tag')
  return revision === undefined ? { type: 'match', etags } : { type: 'revision', revision }
}

/**
 * If-Unmodified-Since of a write without If-Match: the revision that was looked at becomes the condition,
 * so that a change between the look and the commit is still caught. `undefined` when the header is absent,
 * is no date, or there is no record.
 * @throws MediaError MEDIA_PRECONDITION when the record changed after that date.
 * @see RFC 9110 section 13.1.4
 */
export function revisionUnlessModified(
  headers: RequestHeaders,
  current: { readonly modifiedAt: Date; readonly revision: number } | undefined,
  nowMs: number,
): MediaCondition | undefined {
  if (headers['if-match'] !== undefined || current === undefined) return undefined
  const modified = isModifiedSince(headerOf(headers, 'if-unmodified-since'), current, nowMs)
  if (modified === undefined) return undefined
  if (modified) throw new MediaError('MEDIA_PRECONDITION', 'changed since the date in If-Unmodified-Since')
  return { type: 'revision', revision: current.revision }
}

function badCondition(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-condition' })
}

function holdsIfMatch(value: string, etag: string | undefined): boolean {
  const list = parseEtagList(value)
  if (list === '*') return true
  if (list === 'malformed' || etag === undefined) return false
  return list.some((tag) => matchesStrongly(tag, etag))
}

function holdsIfNoneMatch(value: string, etag: string | undefined): boolean {
  const list = parseEtagList(value)
  if (list === '*') return false
  if (list === 'malformed' || etag === undefined) return true
  return !list.some((tag) => matchesWeakly(tag, etag))
}

/** `undefined` when the header is absent, is no date, or there is nothing to compare it with. */
function isModifiedSince(value: string | undefined, current: Validators, nowMs: number): boolean | undefined {
  if (value === undefined || current.modifiedAt === undefined) return undefined
  const sinceMs = parseHttpDate(value, nowMs)
  return sinceMs === undefined ? undefined : wholeSecondMs(current.modifiedAt.getTime()) > sinceMs
}
