import { absentCacheHeaders, type HeaderList, type Media, type Principal } from '@mediakeep/core'
import {
  type BodyKind,
  type Placeholder,
  plainAnswer,
  type Refusal,
  refuse,
  retryAfterSeconds,
  waitingHeaders,
} from '../answers/direct.ts'
import type { DirectAnswer } from '../contracts.ts'
import { FAILED_TTL_MS } from '../defaults.ts'
import { isCredentialed, type Question } from './question.ts'

const PRIVATE: HeaderList = ['cache-control', 'private, no-store']

/** Answers that let nothing through. Those that say the same are the same object, so that transports write them once. */
export interface Refusals {
  badPath(kind: BodyKind): DirectAnswer
  badHost(kind: BodyKind): DirectAnswer
  badMethod(kind: BodyKind): DirectAnswer
  badSignature(reason: string, kind: BodyKind): DirectAnswer
  unauthenticated(kind: BodyKind): DirectAnswer
  denied(kind: BodyKind): DirectAnswer
  held(kind: BodyKind): DirectAnswer
  signIn(location: string): DirectAnswer
  missing(asked: { credentialed: boolean; byKey: boolean }, kind: BodyKind): DirectAnswer
  /** The same for what a question is about. */
  missingFor(question: Question, principal?: Principal): DirectAnswer
  /** Nobody could be asked. */
  unavailable(reason: string, kind: BodyKind): DirectAnswer
  /** Made for one media: kept with what is known of it. */
  loading(media: Media, wait: { ms: number; reason: string; isPublic: boolean }, kind: BodyKind): DirectAnswer
  failed(media: Media, wait: { ms: number; reason: string }, kind: BodyKind): DirectAnswer
}

export interface RefusalSettings {
  readonly publicNames: boolean
  readonly missingTtlMs: number
  readonly loadingStatus: number
  readonly placeholder: Placeholder | undefined
}

export function createRefusals(settings: RefusalSettings): Refusals {
  const { publicNames, missingTtlMs, placeholder } = settings
  const made = new Map<string, DirectAnswer>()
  const once = (name: string, kind: BodyKind, refusal: () => Refusal): DirectAnswer => {
    const key = `${name} ${kind}`
    const known = made.get(key)
    if (known !== undefined) return known
    const answer = refuse(refusal(), kind, placeholder)
    made.set(key, answer)
    return answer
  }
  const denial = (
    reason: string,
    code: Refusal['code'],
    message: string,
    headers: HeaderList = PRIVATE,
  ): Refusal => ({ state: 'denied', reason, code, message, headers, ttlMs: 0 })

  const missing: Refusals['missing'] = ({ credentialed, byKey }, kind) =>
    once(`missing ${credentialed} ${byKey}`, kind, () => ({
      state: 'missing',
      reason: 'unknown',
      code: 'MEDIA_ABSENT',
      message: 'There is no such media.',
      headers: absentCacheHeaders({ credentialed, publicNames, byKey }),
      ttlMs: missingTtlMs,
    }))

  return {
    badPath: (kind) =>
      once('path', kind, () =>
        denial('bad-path', 'MEDIA_BAD_INPUT', 'the address can be read in more than one way'),
      ),
    badHost: (kind) =>
      once('host', kind, () =>
        denial('bad-host', 'MEDIA_BAD_INPUT', 'the host of the request is not one host'),
      ),
    badMethod: (kind) =>
      once('method', kind, () =>
        denial('method', 'MEDIA_METHOD', 'contents are read with GET or HEAD', [
          ...PRIVATE,
          'allow',
          'GET, HEAD',
        ]),
      ),
    badSignature: (reason, kind) =>
      once(`signature ${reason}`, kind, () =>
        denial(reason, 'MEDIA_DENIED', 'the signature of the address does not hold'),
      ),
    unauthenticated: (kind) =>
      once('unauthenticated', kind, () =>
        denial('credentials-required', 'MEDIA_UNAUTHENTICATED', 'sign in first'),
      ),
    denied: (kind) =>
      once('denied', kind, () => denial('not-permitted', 'MEDIA_DENIED', 'you may not read this media')),
    held: (kind) => once('held', kind, () => denial('quarantined', 'MEDIA_HELD', 'the content is held back')),
    signIn: (location) =>
      plainAnswer(302, ['location', location, ...PRIVATE], { state: 'denied', reason: 'sign-in', ttlMs: 0 }),
    missing,
    missingFor: ({ request, resource, kind }, principal) =>
      missing(
        { credentialed: isCredentialed(request, principal), byKey: typeof resource.ref !== 'string' },
        kind(),
      ),
    unavailable: (reason, kind) =>
      once(`unavailable ${reason}`, kind, () => ({
        state: 'failed',
        reason,
        code: 'MEDIA_UNAVAILABLE',
        message: 'A part of the service does not answer. Try again soon.',
        headers: ['cache-control', 'no-store'],
        retryAfterSeconds: 1,
        ttlMs: 0,
      })),
    loading(media, { ms, reason, isPublic }, kind) {
      const seconds = retryAfterSeconds(ms)
      const answer = refuse(
        {
          state: 'loading',
          reason,
          code: 'MEDIA_NOT_READY',
          message: 'The media is being made ready. Try again after the time in Retry-After.',
          headers: waitingHeaders(isPublic, seconds),
          retryAfterSeconds: seconds,
          ttlMs: Math.min(ms, FAILED_TTL_MS),
          mediaId: media.id,
        },
        kind,
        placeholder,
      )
      return settings.loadingStatus === 503 ? answer : { ...answer, status: settings.loadingStatus }
    },
    failed: (media, { ms, reason }, kind) =>
      refuse(
        {
          state: 'failed',
          reason,
          code: 'MEDIA_UNAVAILABLE',
          message: 'The media cannot be read now. Try again after the time in Retry-After.',
          headers: ['cache-control', 'no-store'],
          retryAfterSeconds: retryAfterSeconds(ms),
          ttlMs: FAILED_TTL_MS,
          mediaId: media.id,
        },
        kind,
      ),
  }
}
