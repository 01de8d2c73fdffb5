/** What a signature is for; a signature of one purpose is never good for another. */
export type KeyPurpose = 'download' | 'upload' | 'transform' | 'cursor'

export interface Signature {
  readonly kid: string
  /** base64url, without padding. */
  readonly signature: string
}

/** Signs with the newest key and verifies with every key that is not retired, each purpose with a key of its own. */
export interface KeyRing {
  sign(purpose: KeyPurpose, message: string): Signature
  /** Constant time over equal lengths; false for an unknown kid or purpose. */
  verify(purpose: KeyPurpose, message: string, given: Signature): boolean
}
