import { MediaError, problemOf, SAFETY_HEADERS } from '@mediakeep/core'
import type { DirectAnswer } from '../contracts.ts'

const NO_HEADERS: readonly string[] = []

/** Tells nothing of the request: the same bytes for all who get it. */
function fixedAnswer(
  state: 'denied' | 'failed',
  reason: string,
  error: unknown,
  headers = NO_HEADERS,
): DirectAnswer {
  const problem = problemOf(error)
  return Object.freeze({
    kind: 'answer',
    status: problem.status,
    headers: [
      ...SAFETY_HEADERS,
      'Content-Type',
      'application/problem+json',
      'Cache-Control',
      'no-store',
      'X-Media-State',
      state,
      ...headers,
    ],
    body: JSON.stringify(problem),
    facts: { state, reason, ttlMs: 0 },
  })
}

/** The question could not be read. */
export const MALFORMED: DirectAnswer = fixedAnswer(
  'denied',
  'malformed-check',
  new MediaError('MEDIA_BAD_INPUT', 'The request could not be read.'),
)

/** The gate did not answer in time, or threw. */
export const UNANSWERED: DirectAnswer = fixedAnswer(
  'failed',
  'unanswered',
  new MediaError('MEDIA_UNAVAILABLE', 'The gate did not answer.'),
  ['Retry-After', '1'],
)

/** The answer of the gate must not be written. */
export const UNWRITABLE: DirectAnswer = fixedAnswer('failed', 'unwritable-answer', undefined)
