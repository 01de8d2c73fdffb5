import type { Clock } from '../contracts/clock.ts'
import type { KeyRing } from '../contracts/key-ring.ts'
import { SIGNED_UPLOAD_MAX_MS, SIGNED_UPLOAD_SKEW_MS } from '../defaults.ts'
import { MediaError } from '../errors/media-error.ts'

/** Whose uploads they are: stores that share keys make and take the same signatures. */
export interface UploadSigner {
  readonly keys: KeyRing
  readonly clock: Clock
}

/**
 * What a signature of an upload binds, one per line. Size, type, digest, owner and key are bound by the id: they stand in its row,
 * which nobody but the store writes, and which can be ended while the address is still out.
 */
function message(namespace: string, uploadId: string, expiresSeconds: number): string {
  return ['v1', 'PUT', namespace, uploadId, String(expiresSeconds)].join('\n')
}

/**
 * The query that lets whoever has it put the bytes of one upload, once: `kid`, `exp` and `sig`. It lives 1 hour at most.
 * @throws MediaError MEDIA_BAD_INPUT `bad-expiry` for an instant that is none, has passed, or is further away than that
 */
export function signUpload(
  signer: UploadSigner,
  namespace: string,
  uploadId: string,
  { expiresAt }: { readonly expiresAt: Date },
): URLSearchParams {
  const lifeMs = expiresAt.getTime() - signer.clock.now()
  if (!(lifeMs > 0 && lifeMs <= SIGNED_UPLOAD_MAX_MS))
    throw badExpiry('expiresAt is an instant within the next hour')
  const expiresSeconds = Math.floor(expiresAt.getTime() / 1000)
  const { kid, signature } = signer.keys.sign('upload', message(namespace, uploadId, expiresSeconds))
  return new URLSearchParams({ kid, exp: String(expiresSeconds), sig: signature })
}

/** As they are signed: nothing in them needs an escape, so nothing has a second spelling. */
const GRAMMAR: Readonly<Record<string, RegExp>> = {
  kid: /^[A-Za-z0-9_-]{1,32}$/,
  exp: /^[1-9][0-9]{0,11}$/,
  sig: /^[A-Za-z0-9_-]{43}$/,
}

/**
 * What the query of a signed upload lets in. `query` and `uploadId` are taken as they stand on the request line: an escaped one,
 * a parameter that stands twice and one that was added are no part of what was signed.
 * @throws MediaError MEDIA_UNAUTHENTICATED `signature-required` when nothing is signed; MEDIA_DENIED `signature` or `expired`;
 * MEDIA_BAD_INPUT `bad-expiry` when it would live longer than any may
 */
export function verifySignedUpload(
  signer: UploadSigner,
  namespace: string,
  uploadId: string,
  query: string,
): { readonly expiresAt: Date } {
  const given = parseQuery(query)
  if (given === undefined)
    throw new MediaError('MEDIA_UNAUTHENTICATED', 'the address is not signed', {
      reason: 'signature-required',
    })
  const { kid = '', exp = '', sig = '' } = given
  const signature = { kid, signature: sig }
  if (!signer.keys.verify('upload', message(namespace, uploadId, Number(exp)), signature)) throw denied()
  const expiresAt = new Date(Number(exp) * 1000)
  const leftMs = expiresAt.getTime() - signer.clock.now()
  if (leftMs <= 0)
    throw new MediaError('MEDIA_DENIED', 'the signed address has expired', { reason: 'expired' })
  // Whoever signs too far ahead, by mistake or by a wrong clock, would undo that addresses are short-lived.
  if (leftMs > SIGNED_UPLOAD_MAX_MS + SIGNED_UPLOAD_SKEW_MS)
    throw badExpiry('a signed upload lives for an hour at most')
  return { expiresAt }
}

/** `undefined` without any signature. @throws MediaError MEDIA_DENIED for what is not `kid`, `exp` and `sig`, once each. */
function parseQuery(query: string): { kid?: string; exp?: string; sig?: string } | undefined {
  const pairs = query.split('&')
  if (!pairs.some((pair) => pair === 'sig' || pair.startsWith('sig='))) return undefined
  const given: Record<string, string> = {}
  for (const pair of pairs) {
    const [name = '', value = '', ...rest] = pair.split('=')
    const isKnown = Object.hasOwn(GRAMMAR, name) && !Object.hasOwn(given, name)
    if (!isKnown || rest.length > 0 || GRAMMAR[name]?.test(value) !== true) throw denied()
    given[name] = value
  }
  if (pairs.length !== Object.keys(GRAMMAR).length) throw denied()
  return given
}

function denied(): MediaError {
  return new MediaError('MEDIA_DENIED', 'the signature does not match', { reason: 'signature' })
}

function badExpiry(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-expiry' })
}
