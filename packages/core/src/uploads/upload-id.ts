import { randomBytes, timingSafeEqual } from 'node:crypto'
import { isId, withDashes } from '../bytes/id.ts'

/** Of the secret, so that an id that is told in an address cannot be guessed from another. */
const SECRET_BYTES = 16
const ID = /^[0-9a-f]{32}[A-Za-z0-9_-]{22}$/

export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url')
}

/** Id of the session and its secret, as one word that fits into a path. */
export function formatUploadId(sessionId: string, secret: string): string {
  return sessionId.replaceAll('-', '') + secret
}

/** `undefined` for what can be the id of no upload. */
export function parseUploadId(
  id: string,
): { readonly sessionId: string; readonly secret: string } | undefined {
  if (!ID.test(id)) return undefined
  const sessionId = withDashes(id.slice(0, 32))
  return isId(sessionId) ? { sessionId, secret: id.slice(32) } : undefined
}

/** Both have the form that `parseUploadId` lets through, so that they have one length. */
export function isSameSecret(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}
