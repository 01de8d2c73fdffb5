import type { IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { AttemptClass } from '@mediakeep/core'
import type { Body, Frame } from '../s3-protocol/bucket-client.ts'
import { networkCodeOf, parseRetryAfter, S3Failure } from '../s3-protocol/s3-failure.ts'
import { type Element, parseXml, textOf } from './xml.ts'

/** Answers that the same request may get another answer than. */
const RETRYABLE_STATUS = new Set([408, 429, 500, 502, 503, 504])
const RETRYABLE_CODE = /^(SlowDown\w*|InternalError|RequestTimeout|TooManyRequests)$/
const FIRST_WAIT_MS = 100
const MAX_WAIT_MS = 5_000
/** An answer about an object, not the object, is no longer than this: a page of a thousand long keys. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024

export interface S3Request {
  readonly class: AttemptClass
  readonly method: string
  readonly key?: string
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: Body
  /** Its answer may take as long as it likes. */
  readonly isPatient?: boolean
}

/** Signs and sends one request, once. */
export type SendOnce = (request: S3Request, signal: AbortSignal) => Promise<IncomingMessage>

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
}
export interface TextAnswer extends Answer {
  readonly xml: Element | undefined
  readonly text: string
}
export interface OpenAnswer extends Answer {
  readonly raw: IncomingMessage
  /** Tells of the attempt, once the body has ended. */
  end(bytes: number): void
}

/** Requests with their retries: the client's own lose the answer and its reason, so this is the one layer that retries. */
export interface Requests {
  /** The answer, its body read as XML. */
  ask(request: S3Request, frame: Frame): Promise<TextAnswer>
  /** The answer with its body still to come. */
  open(request: S3Request, frame: Frame): Promise<OpenAnswer>
}

export function createRequests(sendOnce: SendOnce, maxAttempts: number): Requests {
  async function attempt<T>(
    request: S3Request,
    frame: Frame,
    attempts: number,
    take: (answer: IncomingMessage, tell: (bytes: number) => void, attempts: number) => Promise<T>,
  ): Promise<T> {
    const startedMs = performance.now()
    let told = false
    const tell = (bytes: number, status?: number): void => {
      if (told) return
      told = true
      frame.tell({
        class: request.class,
        cause: frame.cause,
        bytes,
        durationMs: performance.now() - startedMs,
        ...(status === undefined ? {} : { status }),
      })
    }
    let answer: IncomingMessage | undefined
    try {
      answer = await sendOnce(request, frame.signal)
      const status = answer.statusCode ?? 0
      if (status >= 200 && status < 300) return await take(answer, (bytes) => tell(bytes, status), attempts)
      const text = await readText(answer)
      tell(request.body?.bytes.byteLength ?? 0, status)
      throw failureOf(status, text, answer.headers, attempts)
    } catch (error) {
      answer?.destroy()
      tell(0, answer?.statusCode)
      frame.signal.throwIfAborted()
      const code = networkCodeOf(error)
      throw code === undefined ? error : new S3Failure(code, { attempts, cause: error })
    }
  }

  async function run<T>(
    request: S3Request,
    frame: Frame,
    take: (answer: IncomingMessage, tell: (bytes: number) => void, attempts: number) => Promise<T>,
  ): Promise<T> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await attempt(request, frame, attempts, take)
      } catch (error) {
        if (!(error instanceof S3Failure) || attempts >= maxAttempts || !mayRetry(error)) throw error
        const waitMs = error.retryAfterMs ?? Math.random() * FIRST_WAIT_MS * 2 ** attempts
        if (waitMs > MAX_WAIT_MS) throw error // whoever asks decides whether to wait that long
        await delay(waitMs, undefined, { signal: frame.signal })
      }
    }
  }

  return {
    ask: (request, frame) =>
      run(request, frame, async (answer, tell, attempts): Promise<TextAnswer> => {
        const text = await readText(answer)
        tell(request.body?.bytes.byteLength ?? 0)
        const xml = text === '' ? undefined : parseXml(text)
        // A completion may fail after its answer has begun: then the error is the body of a success.
        if (xml?.name === 'Error') throw failureOf(200, text, answer.headers, attempts)
        return { status: answer.statusCode ?? 0, headers: answer.headers, xml, text }
      }),
    open: (request, frame) =>
      run(request, frame, async (answer, tell): Promise<OpenAnswer> => {
        return { status: answer.statusCode ?? 0, headers: answer.headers, raw: answer, end: tell }
      }),
  }
}

function mayRetry({ status, code }: S3Failure): boolean {
  if (RETRYABLE_CODE.test(code)) return true
  return status === undefined
    ? !/^(CERT_|ERR_TLS|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|ENOTFOUND)/.test(code)
    : RETRYABLE_STATUS.has(status)
}

function failureOf(
  status: number,
  text: string,
  headers: IncomingMessage['headers'],
  attempts: number,
): S3Failure {
  const xml = text === '' ? undefined : parseXml(text)
  const header = headers['x-minio-error-code']
  const code = textOf(xml, 'Code') ?? (typeof header === 'string' ? header : '')
  return new S3Failure(code, {
    status,
    attempts,
    requestId: typeof headers['x-amz-request-id'] === 'string' ? headers['x-amz-request-id'] : undefined,
    retryAfterMs: parseRetryAfter(headers['retry-after'], Date.now()),
  })
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > MAX_TEXT_BYTES) throw new S3Failure('', { status: answer.statusCode })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
