import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import type { KeyPurpose, KeyRing } from '../contracts/key-ring.ts'
import { MediaError } from '../errors/media-error.ts'

export interface SigningKey {
  /** Short public name, in every signature. */
  readonly kid: string
  /** At least 32 bytes. */
  readonly secret: Uint8Array
}

const KID = /^[A-Za-z0-9_-]{1,32}$/

/**
 * A key ring: the first key signs, all verify. To rotate, put a new key in front and
 * drop the old one when its last signature has expired.
 * Each purpose has a key of its own by HKDF (RFC 5869), so a signature never crosses purposes.
 * @throws MediaError MEDIA_BAD_INPUT for no key, a short secret, a bad or repeated kid.
 */
export function createKeyRing(keys: readonly SigningKey[]): KeyRing {
  const derived = new Map<string, Buffer>()
  const kids = new Set<string>()
  for (const { kid, secret } of keys) {
    if (!KID.test(kid) || kids.has(kid))
      throw new MediaError('MEDIA_BAD_INPUT', `key id "${kid}" is malformed or repeated`, {
        reason: 'bad-key-id',
      })
    if (secret.byteLength < 32)
      throw new MediaError(
        'MEDIA_BAD_INPUT',
        `key "${kid}" has ${secret.byteLength} bytes; use 32 random bytes or more`,
        { reason: 'weak-key' },
      )
    kids.add(kid)
  }
  const current = keys[0]
  if (current === undefined)
    throw new MediaError('MEDIA_BAD_INPUT', 'a key ring needs at least one key', { reason: 'no-key' })
  const secrets = new Map(keys.map((key) => [key.kid, Buffer.from(key.secret)]))

  const keyOf = (purpose: KeyPurpose, kid: string): Buffer | undefined => {
    const name = `${purpose}/${kid}`
    const known = derived.get(name)
    if (known !== undefined) return known
    const secret = secrets.get(kid)
    if (secret === undefined) return undefined
    const key = Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `mediakeep/v1/${purpose}`, 32))
    derived.set(name, key)
    return key
  }
  const mac = (key: Buffer, message: string): Buffer => createHmac('sha256', key).update(message).digest()

  return {
    sign(purpose, message) {
      const key = keyOf(purpose, current.kid) as Buffer
      return { kid: current.kid, signature: mac(key, message).toString('base64url') }
    },
    verify(purpose, message, given) {
      const key = keyOf(purpose, given.kid)
      if (key === undefined || !/^[A-Za-z0-9_-]{43}$/.test(given.signature)) return false
      const signature = Buffer.from(given.signature, 'base64url')
      // The last character carries two unused bits: only the canonical spelling is ours.
      if (signature.toString('base64url') !== given.signature) return false
      return timingSafeEqual(signature, mac(key, message))
    },
  }
}

/** A new random key. */
export function createSigningKey(kid: string = randomBytes(6).toString('base64url')): SigningKey {
  return { kid, secret: randomBytes(32) }
}
