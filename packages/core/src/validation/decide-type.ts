import mime from 'mime'
import type { MediaPolicy } from '../contracts/policy.ts'
import { MediaError } from '../errors/media-error.ts'
import { isSameFamily } from './families.ts'
import { policyFor } from './policies.ts'
import type { Sniffed } from './sniff.ts'

export type TypeRefusal =
  | 'type-not-allowed'
  | 'content-type-mismatch'
  | 'extension-mismatch'
  | 'type-unrecognised'

export const OPAQUE_TYPE = 'application/octet-stream'

/** What senders write when they do not know. */
const UNKNOWN_CLAIMS = new Set([
  OPAQUE_TYPE,
  'binary/octet-stream',
  'application/x-www-form-urlencoded',
  'application/unknown',
  '*/*',
])

export interface TypeClaims {
  readonly sniffed: Sniffed
  /** Essence in lower case. */
  readonly declared: string | undefined
  readonly filename: string | undefined
}

/**
 * The verified type and its policy: what the bytes are, when declaration and extension do not contradict it.
 * Unknown bytes are never taken for what they claim to be.
 * @throws MediaError MEDIA_TYPE_REFUSED
 */
export function decideType(
  claims: TypeClaims,
  policies: readonly MediaPolicy[],
): { readonly contentType: string; readonly policy: MediaPolicy } {
  const declared = meaningfulType(claims.declared)
  const byName = typeOfName(claims.filename)
  const contentType = verifiedType(claims.sniffed, declared, byName)
  if (declared !== undefined && !isSameFamily(declared, contentType)) {
    throw refuse('content-type-mismatch', `declared as ${declared}, the bytes are ${contentType}`)
  }
  if (byName !== undefined && !isSameFamily(byName, contentType)) {
    throw refuse('extension-mismatch', `the name says ${byName}, the bytes are ${contentType}`)
  }
  const policy = policyFor(policies, contentType)
  if (policy === undefined || policy.refuse === true) {
    throw refuse(
      'type-not-allowed',
      `${contentType} is not taken here; a policy that names it would allow it`,
    )
  }
  if (claims.sniffed.kind === 'unknown' && policy.allowUnrecognised !== true) {
    throw refuse('type-unrecognised', 'the bytes are of no type that is known')
  }
  return { contentType, policy }
}

/**
 * Refuses before the first byte what no bytes could make right.
 * @throws MediaError MEDIA_TYPE_REFUSED
 */
export function checkDeclaredType(declared: string | undefined, policies: readonly MediaPolicy[]): void {
  const type = meaningfulType(declared)
  if (type === undefined) return
  const couldBe = policies.some(
    (policy) =>
      policy.refuse !== true && (policyFor([policy], type) !== undefined || isFamilyTaken(policy, type)),
  )
  if (!couldBe || policyFor(policies, type)?.refuse === true)
    throw refuse('type-not-allowed', `${type} is not taken here; a policy that names it would allow it`)
}

/** Type of a file name by its extension. */
export function typeOfName(filename: string | undefined): string | undefined {
  if (filename === undefined || !filename.includes('.')) return undefined
  return mime.getType(filename.slice(filename.lastIndexOf('.') + 1))?.toLowerCase() ?? undefined
}

function isFamilyTaken(policy: MediaPolicy, type: string): boolean {
  return !policy.match.includes('*') && isSameFamily(policy.match, type)
}

/** What was said of a type, unless it is what is said of everything. */
export function meaningfulType(declared: string | undefined): string | undefined {
  return declared === undefined || UNKNOWN_CLAIMS.has(declared) ? undefined : declared
}

function verifiedType(sniffed: Sniffed, declared: string | undefined, byName: string | undefined): string {
  switch (sniffed.kind) {
    case 'magic':
      return refine(sniffed.contentType, declared, byName)
    case 'text':
      // Plain text may be the finer text that name or sender says; markup and playlists are what they are.
      return sniffed.contentType === 'text/plain'
        ? refine('text/plain', declared, byName)
        : sniffed.contentType
    case 'unknown':
      return OPAQUE_TYPE
  }
}

/** Within the family of what the bytes are, the finer name that the sender knows: `audio/mp4` for an MP4 without video. */
function refine(contentType: string, declared: string | undefined, byName: string | undefined): string {
  for (const name of [declared, byName]) {
    if (name === undefined || name === contentType || !isSameFamily(name, contentType)) continue
    if (contentType === 'text/plain') return name
  }
  return CANONICAL.get(contentType) ?? contentType
}

/** Names that browsers know, for those that file-type prefers. */
const CANONICAL = new Map([
  ['image/apng', 'image/png'],
  ['audio/x-m4a', 'audio/mp4'],
  ['video/x-m4v', 'video/mp4'],
  ['video/matroska', 'video/x-matroska'],
  ['audio/vnd.wave', 'audio/wav'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/wave', 'audio/wav'],
  ['video/vnd.avi', 'video/x-msvideo'],
  ['audio/x-flac', 'audio/flac'],
])

function refuse(reason: TypeRefusal, message: string): MediaError {
  return new MediaError('MEDIA_TYPE_REFUSED', message, { reason })
}
