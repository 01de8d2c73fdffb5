import type { Visibility } from '../contracts/media.ts'
import { ABSENT_KEY_MAX_AGE_SECONDS, ABSENT_MAX_AGE_SECONDS, SIGNED_MAX_AGE_SECONDS } from '../defaults.ts'

/** Answers that depend on who asks name both ways of telling. */
export const CREDENTIAL_HEADERS = 'Authorization, Cookie'

export interface ContentCaching {
  /** The address names these very bytes (by digest or content number): they can never differ. Default `false`. */
  readonly immutable?: boolean
  /** The request was let in by a signature that ends then. */
  readonly signatureExpiresAt?: Date
  readonly nowMs: number
}

/**
 * Cache-Control of a content. Private media are never `public`, whatever else holds: without a signature they are
 * revalidated on each use, so that a right that was taken away ends at once; with one, a browser may keep them for
 * a while, at most as long as the signature lives.
 * @see RFC 9111 section 5.2.2, RFC 8246
 */
export function contentCacheControl(
  visibility: Visibility,
  { immutable, signatureExpiresAt, nowMs }: ContentCaching,
): string {
  if (signatureExpiresAt !== undefined) {
    const remaining = Math.floor((signatureExpiresAt.getTime() - nowMs) / 1000)
    const seconds = immutable === true ? remaining : Math.min(remaining, SIGNED_MAX_AGE_SECONDS)
    return seconds > 0 ? `private, max-age=${seconds}` : 'private, no-cache'
  }
  if (visibility !== 'public') return 'private, no-cache'
  return immutable === true ? 'public, max-age=31536000, immutable' : 'public, max-age=0, must-revalidate'
}

export interface AbsentCaching {
  /** The request carried credentials of any kind: a token, a cookie, a signature. */
  readonly credentialed: boolean
  /** The route serves names that anybody may know to exist. */
  readonly publicNames: boolean
  /** The name is the host's, not an id: an upload under it may follow. */
  readonly byKey: boolean
}

/**
 * Cache headers of a 404. They depend on the request and the route alone, never on the record:
 * a private media of somebody else and a missing one cannot be told apart.
 */
export function absentCacheHeaders({ credentialed, publicNames, byKey }: AbsentCaching): readonly string[] {
  if (credentialed || !publicNames) return ['Cache-Control', 'private, no-store']
  const seconds = byKey ? ABSENT_KEY_MAX_AGE_SECONDS : ABSENT_MAX_AGE_SECONDS
  return ['Cache-Control', `public, max-age=${seconds}`, 'Vary', CREDENTIAL_HEADERS]
}
