import type { MediaPolicy } from '../contracts/policy.ts'
import { MAX_BODY_BYTES } from '../defaults.ts'

/**
 * What is taken when the host names no policies: images, video, audio, PDF, plain text, and bytes that
 * are nothing we know and claim to be nothing (kept opaque, served as attachment only).
 * Archives, programs, HTML, XML, scripts and playlists need a policy that names them.
 */
export const DEFAULT_POLICIES: readonly MediaPolicy[] = [
  { match: 'image/vnd.dwg', refuse: true },
  { match: 'image/*' },
  { match: 'video/*' },
  { match: 'audio/*' },
  { match: 'application/ogg' },
  { match: 'application/pdf' },
  { match: 'text/plain' },
  { match: 'text/csv' },
  { match: 'text/markdown' },
  { match: 'text/vtt' },
  { match: 'application/json' },
  { match: 'application/x-subrip' },
  { match: 'application/octet-stream', allowUnrecognised: true },
]

/** The first policy that names the type; `undefined` when none does: the type is refused. */
export function policyFor(policies: readonly MediaPolicy[], contentType: string): MediaPolicy | undefined {
  return policies.find(({ match }) => fits(match, contentType))
}

/** `*`, `image/*` or one type, against an essence in lower case. */
function fits(pattern: string, contentType: string): boolean {
  if (pattern === '*' || pattern === '*/*') return true
  if (pattern.endsWith('/*')) return contentType.startsWith(pattern.slice(0, -1))
  return pattern === contentType
}

/** Largest body that is taken of any type: what a sender may be told before the type is known. */
export function maxBytesOf({
  policies,
  maxBodyBytes,
}: {
  readonly policies: readonly MediaPolicy[]
  readonly maxBodyBytes: number
}): number {
  const most = policies.reduce(
    (most, { maxBytes, refuse }) => (refuse === true ? most : Math.max(most, maxBytes ?? MAX_BODY_BYTES)),
    0,
  )
  return Math.min(maxBodyBytes, most)
}
