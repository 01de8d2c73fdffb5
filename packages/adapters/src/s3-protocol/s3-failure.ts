import { parseHttpDate } from '@mediakeep/core'

/** A request that failed, in the words of the endpoint or of the network: what every vendor's error is turned into first. */
export class S3Failure extends Error {
  override readonly name = 'S3Failure'
  /** The endpoint's own code (`NoSuchKey`), or the network's (`ECONNRESET`); empty when an answer had neither. */
  readonly code: string
  /** Absent when no answer came. */
  readonly status: number | undefined
  readonly retryAfterMs: number | undefined
  /** By which the endpoint's own log knows it. */
  readonly requestId: string | undefined
  /** Requests that were made, the failed ones before it included. */
  readonly attempts: number

  constructor(
    code: string,
    options: {
      readonly status?: number | undefined
      readonly retryAfterMs?: number | undefined
      readonly requestId?: string | undefined
      readonly attempts?: number
      /** An error of the network. A vendor's error stays out: it holds the whole request, with its signature. */
      readonly cause?: unknown
    } = {},
  ) {
    super(
      `${options.status ?? 'no answer'} ${code}`,
      options.cause === undefined ? undefined : { cause: options.cause },
    )
    this.code = code
    this.status = options.status
    this.retryAfterMs = options.retryAfterMs
    this.requestId = options.requestId
    this.attempts = options.attempts ?? 1
  }
}

/**
 * The endpoint says that the key has no object. 404 alone says less: the bucket may be gone, which a HEAD, whose answer has no body,
 * does not tell. So whoever concludes "absent" looks at the volume too.
 */
export function saysNoSuchKey({ status, code }: S3Failure): boolean {
  return code === 'NoSuchKey' || (status === 404 && (code === '' || code === 'NotFound'))
}

/** A condition of the write does not hold. */
export function saysRefused({ status, code }: S3Failure): boolean {
  return status === 412 || code === 'PreconditionFailed'
}

/** `Retry-After` in seconds or as a date, in milliseconds from now. */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined || value === '') return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const atMs = parseHttpDate(value, nowMs)
  return atMs === undefined ? undefined : Math.max(0, atMs - nowMs)
}

const NETWORK_CODE =
  /^(E[A-Z]+|ERR_(STREAM_PREMATURE_CLOSE|TLS_\w+|SSL_\w+)|CERT_\w+|UNABLE_TO_\w+|SELF_SIGNED_\w+|DEPTH_ZERO_\w+)$/

/** The network's code of an error that a socket or a stream over it gave; undefined for any other. */
export function networkCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code } = error as NodeJS.ErrnoException
  if (typeof code === 'string' && NETWORK_CODE.test(code)) return code
  return error.name === 'TimeoutError' ? 'TimeoutError' : undefined
}

/** Undefined where the endpoint answers by this code that there is no such thing. */
export async function orNothing<T>(code: string, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof S3Failure && error.code === code) return undefined
    throw error
  }
}

/** What was thrown, as what streams and lists of errors take. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error('the call has ended', { cause: thrown })
}
