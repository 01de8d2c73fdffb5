import {
  type HeaderList,
  headerIn,
  isHeaderValue,
  MediaError,
  type MediaErrorCode,
  problemAnswer,
} from '@mediakeep/core'
import type { DirectAnswer, GateFacts, GateState } from '../contracts.ts'
import { JITTER_RATIO, LOADING_MAX_AGE_SECONDS, MAX_RETRY_SECONDS, MIN_RETRY_SECONDS } from '../defaults.ts'

/** What is shown in place of a media: UTF-8 text of a type that browsers show, such as SVG. */
export interface Placeholder {
  readonly contentType: string
  readonly body: string
}

/** Bodies by what the client says it takes: problem+json, a short page, the host's image. */
export type BodyKind = 'problem' | 'page' | 'image'

export interface Refusal {
  readonly state: GateState
  readonly reason: string
  readonly code: MediaErrorCode
  /** Shown: says nothing of the media. */
  readonly message: string
  readonly ttlMs: number
  /** Seconds after which asking again is reasonable. */
  readonly retryAfterSeconds?: number
  readonly headers?: HeaderList
  readonly mediaId?: string
}

/** A whole answer that lets nothing through. The same refusal gives the same text: nothing of the request is in it. */
export function refuse(
  refusal: Refusal,
  kind: BodyKind = 'problem',
  placeholder?: Placeholder,
): DirectAnswer {
  const { state, reason, code, message, ttlMs, retryAfterSeconds, mediaId } = refusal
  const error = new MediaError(code, message, state === 'missing' ? {} : { reason })
  const { status, headers, body } = problemAnswer(error, { headers: refusal.headers ?? [] })
  const facts: GateFacts = { state, reason, ttlMs, ...(mediaId === undefined ? {} : { mediaId }) }
  const list = ['x-media-state', state]
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const [name, value] = [(headers[at] ?? '').toLowerCase(), headers[at + 1] ?? '']
    if (name === 'content-length' || name === 'content-type' || name === 'retry-after') continue
    if (isHeaderValue(value)) list.push(name, value)
  }
  if (retryAfterSeconds !== undefined) list.push('retry-after', String(retryAfterSeconds))
  const shown = bodyOf(kind, { status, body, message, placeholder, state })
  list.push('content-type', shown.contentType)
  return { kind: 'answer', status, headers: varyByAccept(list), body: shown.body, facts }
}

/** A short answer without a body: 304, 412 and 416 of the conditions, 302 to sign in. */
export function plainAnswer(status: number, headers: HeaderList, facts: GateFacts): DirectAnswer {
  return { kind: 'answer', status, headers: ['x-media-state', facts.state, ...headers], body: '', facts }
}

/** Cache-Control of "not yet": as short as the wait, and private where it depends on who asks. */
export function waitingHeaders(isPublic: boolean, retryAfterSeconds: number): HeaderList {
  const seconds = Math.min(retryAfterSeconds, LOADING_MAX_AGE_SECONDS)
  return ['cache-control', isPublic ? `public, max-age=${seconds}` : 'private, no-store']
}

/** Whole seconds, up, spread by a tenth, within what clients bear. */
export function retryAfterSeconds(ms: number, random: () => number = Math.random): number {
  const spread = ms * (1 + (random() * 2 - 1) * JITTER_RATIO)
  return Math.min(Math.max(Math.ceil(spread / 1000), MIN_RETRY_SECONDS), MAX_RETRY_SECONDS)
}

/** What a client would rather have, by its Accept; without one it is a program. @see RFC 9110 section 12.5.1 */
export function bodyKindOf(accept: string | undefined, hasPlaceholder: boolean): BodyKind {
  if (accept === undefined) return 'problem'
  const first = accept.split(',', 1)[0]?.trim().toLowerCase() ?? ''
  if (first.startsWith('text/html')) return 'page'
  return hasPlaceholder && first.startsWith('image/') ? 'image' : 'problem'
}

interface Shown {
  readonly status: number
  readonly body: string
  readonly message: string
  readonly placeholder: Placeholder | undefined
  readonly state: GateState
}

function bodyOf(kind: BodyKind, shown: Shown): { contentType: string; body: string } {
  if (kind === 'image' && shown.placeholder !== undefined && shown.state === 'loading')
    return shown.placeholder
  if (kind !== 'page') return { contentType: 'application/problem+json', body: shown.body }
  const text = shown.message.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  const body = `<!doctype html><html lang="en"><meta charset="utf-8"><title>${shown.status}</title><p>${text}</p></html>\n`
  return { contentType: 'text/html; charset=utf-8', body }
}

function varyByAccept(list: readonly string[]): HeaderList {
  const vary = headerIn(list, 'vary')
  if (vary === undefined) return [...list, 'vary', 'accept']
  return list.map((value, at) => (at % 2 === 1 && list[at - 1] === 'vary' ? `${vary}, accept` : value))
}
