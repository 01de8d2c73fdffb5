import type { IncomingMessage } from 'node:http'
import { type CallScope, OBJECT_STATUS_HEADER } from '@mediakeep/core'
import { type Refusal, refusalError, wayError } from './errors.ts'

/** Bodies of refusals are short; of what is longer nothing is read. */
const MAX_PROBLEM_BYTES = 64 * 1024
/** A page of a thousand heads with metadata. */
const MAX_JSON_BYTES = 64 * 1024 * 1024

/** Only our own router says so: a 404 may come from any server on the way. */
export function isAbsent(answer: IncomingMessage): boolean {
  return answer.statusCode === 404 && answer.headers[OBJECT_STATUS_HEADER.toLowerCase()] === 'absent'
}

/** Takes the rest of an answer whose body says nothing, so that the connection can be used again. */
export function discard(answer: IncomingMessage): void {
  answer.on('error', () => {})
  answer.resume()
}

/** The error that an answer without success is. */
export async function refusalOf(
  answer: IncomingMessage,
  name: string,
  act: string,
  scope: CallScope,
): Promise<Error> {
  const { statusCode: status = 0, headers } = answer
  const seconds = Number(headers['retry-after'])
  const refusal: Refusal = {
    status,
    ...(Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1000 } : {}),
  }
  if (headers['content-type']?.startsWith('application/problem+json') !== true) {
    answer.destroy()
    return refusalError(name, act, refusal)
  }
  const problem = await readJson(answer, name, act, scope, MAX_PROBLEM_BYTES).catch(() => undefined)
  scope.check()
  return refusalError(name, act, isRecord(problem) ? { ...refusal, problem } : refusal)
}

/**
 * The JSON of an answer.
 * @throws MediaError MEDIA_UNAVAILABLE `cut-off` or `bad-answer`; the reason of the call when that ended it
 */
export async function readJson(
  answer: IncomingMessage,
  name: string,
  act: string,
  scope: CallScope,
  maxBytes: number = MAX_JSON_BYTES,
): Promise<unknown> {
  const onAbort = (): void => {
    answer.destroy()
  }
  scope.signal.addEventListener('abort', onAbort, { once: true })
  const chunks: Uint8Array[] = []
  let bytes = 0
  try {
    scope.check()
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength
      if (bytes > maxBytes) throw wayError(name, act, 'bad-answer')
      chunks.push(chunk)
    }
    scope.check()
    if (!answer.complete) throw wayError(name, act, 'cut-off')
  } catch (cause) {
    scope.check()
    throw cause instanceof Error && cause.name === 'MediaError'
      ? cause
      : wayError(name, act, 'cut-off', cause)
  } finally {
    scope.signal.removeEventListener('abort', onAbort)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch (cause) {
    throw wayError(name, act, 'bad-answer', cause)
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
