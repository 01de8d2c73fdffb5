import type { Digest } from '../contracts/bytes.ts'
import { MediaError } from '../errors/media-error.ts'

/**
 * Nothing is checked where nothing was declared.
 * @throws MediaError MEDIA_DIGEST_MISMATCH
 */
export function checkDigest(given: Digest, declared: Digest | undefined): void {
  if (declared === undefined || given === declared) return
  throw new MediaError('MEDIA_DIGEST_MISMATCH', `the bytes have the digest ${given}, not ${declared}`)
}

/** What a store throws whose source gave fewer or more bytes than it declares. */
export function sizeMismatch(declaredBytes: number, givenBytes: number): MediaError {
  const amount = givenBytes < declaredBytes ? 'only' : 'at least'
  const message = `the source declares ${declaredBytes} bytes and gave ${amount} ${givenBytes}`
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'size-mismatch' })
}
