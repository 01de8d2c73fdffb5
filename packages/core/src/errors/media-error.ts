import { MEDIA_ERRORS, type MediaErrorCode } from './codes.ts'

const BRAND = Symbol.for('mediakeep.error')

export interface MediaErrorOptions {
  /** Finer word, kebab-case, from the closed list of the module that throws. */
  readonly reason?: string
  readonly retryable?: boolean
  /** When trying again is reasonable. */
  readonly retryAfterMs?: number
  readonly cause?: unknown
}

/**
 * The one error class. `code` says why it failed, `reason` says it finer, `message` names store, act, key and next step.
 * Test with `isMediaError`: it also knows errors of another copy of this package.
 */
export class MediaError extends Error {
  override readonly name = 'MediaError'
  readonly code: MediaErrorCode
  readonly reason: string | undefined
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined

  constructor(code: MediaErrorCode, message: string, options: MediaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.reason = options.reason
    this.retryable = options.retryable ?? MEDIA_ERRORS[code].retryable
    this.retryAfterMs = options.retryAfterMs
    Object.defineProperty(this, BRAND, { value: true })
  }
}

/** Tells a MediaError, of this code when one is given, also across copies of the package. */
export function isMediaError(error: unknown, code?: MediaErrorCode): error is MediaError {
  if (typeof error !== 'object' || error === null || !(BRAND in error)) return false
  return code === undefined || (error as { code?: unknown }).code === code
}
