import type { AttemptClass } from '@mediakeep/core'
import type { MiddlewareStack } from '@smithy/types'
import type { Frame } from '../s3-protocol/bucket-client.ts'
import { networkCodeOf, parseRetryAfter, S3Failure } from '../s3-protocol/s3-failure.ts'

/** An answer, as the SDK's lowest layer passes it. */
interface RawAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
}

/** A command of the SDK. */
export interface Command<Input extends object, Output extends object> {
  readonly middlewareStack: MiddlewareStack<Input, Output>
}

export interface Exchange {
  readonly class: AttemptClass
  readonly frame: Frame
  /** Bytes of the object that go with the request. */
  readonly sentBytes?: number
  /** Its body comes after the answer: the attempt is told of once that has ended, by what `run` resolves with. */
  readonly hasBody?: boolean
}

export interface Answered<Output> {
  readonly output: Output
  readonly headers: Readonly<Record<string, string>>
  /** Tells of the attempt whose body has ended. */
  end(bytes: number): void
}

/**
 * Runs one command and tells of each request that leaves for it: the middleware stands below the SDK's retries.
 * @throws S3Failure, or what an abort makes of the request
 */
export async function exchange<Input extends object, Output extends object>(
  command: Command<Input, Output>,
  { class: attemptClass, frame, sentBytes = 0, hasBody = false }: Exchange,
  run: () => Promise<Output>,
): Promise<Answered<Output>> {
  let attempts = 0
  let answer: RawAnswer | undefined
  let tellBody = (_bytes: number): void => {}

  command.middlewareStack.add(
    (next) => async (args) => {
      attempts += 1
      answer = undefined
      const startedMs = performance.now()
      const tell = (bytes: number, status?: number): void =>
        frame.tell({
          class: attemptClass,
          cause: frame.cause,
          bytes,
          durationMs: performance.now() - startedMs,
          ...(status === undefined ? {} : { status }),
        })
      try {
        const result = await next(args)
        const { response } = result
        if (!isAnswer(response)) throw new TypeError('the SDK gives no answer of HTTP')
        answer = response
        const status = response.statusCode
        if (hasBody && status < 300) tellBody = (bytes) => tell(bytes, status)
        else tell(sentBytes, status)
        return result
      } catch (error) {
        tell(0)
        throw error
      }
    },
    { step: 'deserialize', priority: 'low', name: 'mediakeepAttempts' },
  )

  try {
    const output = await abortable(run(), frame.signal)
    return { output, headers: answer?.headers ?? {}, end: tellBody }
  } catch (error) {
    tellBody(0)
    frame.signal.throwIfAborted()
    throw failureOf(error, attempts, answer)
  }
}

/** The SDK waits between its tries without looking at the signal. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** Names that the SDK makes up where an answer told none. */
const NO_CODE = /^(Unknown(Error)?|Error|\d{3}|S3ServiceException)$/

function failureOf(error: unknown, attempts: number, answer: RawAnswer | undefined): S3Failure {
  const status = answer?.statusCode
  const network = status === undefined || status < 300 ? networkCodeOf(error) : undefined
  const name = error instanceof Error && !NO_CODE.test(error.name) ? error.name : ''
  return new S3Failure(network ?? name, {
    status: network === undefined ? status : undefined,
    retryAfterMs: parseRetryAfter(answer?.headers['retry-after'], Date.now()),
    requestId: answer?.headers['x-amz-request-id'],
    attempts: Math.max(attempts, 1),
    // An error about an answer holds all of it and its request, signature included; one without is of the network, or of the SDK.
    ...(network === undefined && status !== undefined ? {} : { cause: error }),
  })
}

function isAnswer(response: unknown): response is RawAnswer {
  return (
    typeof response === 'object' &&
    response !== null &&
    'statusCode' in response &&
    typeof response.statusCode === 'number' &&
    'headers' in response
  )
}
