import { type HeaderList, headerIn, isHeaderValue } from '@mediakeep/core'
import { refuse } from '../answers/direct.ts'
import type { DirectAnswer, ForwardAnswer, GateAnswer } from '../contracts.ts'
import type { Profile } from './profiles.ts'

/** An answer as it goes over the wire to one kind of proxy. */
export interface Written {
  readonly status: number
  /** Names and values by turns, as `writeHead` takes them. */
  readonly headers: readonly string[]
  readonly body: string
}

/**
 * Proxies copy these from every yes. Those that it has no value for are empty: what a client sent under them must not stay, and Caddy
 * 2.6 copies the name of its own variable where there is none.
 */
const ALWAYS_TOLD = [
  'x-media-id',
  'x-media-digest',
  'x-media-tier',
  'x-media-origin',
  'x-media-path',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-security-token',
  'range',
  'etag',
  'last-modified',
  'vary',
  'content-security-policy',
  'cross-origin-resource-policy',
]

const UNWRITABLE = refuse({
  state: 'failed',
  reason: 'unwritable',
  code: 'MEDIA_UNAVAILABLE',
  message: 'A part of the service does not answer. Try again soon.',
  headers: ['cache-control', 'no-store'],
  retryAfterSeconds: 1,
  ttlMs: 0,
})

/** The same answer is written once: gates give the same object to equal questions. */
export function createWriter(profile: Profile): (answer: GateAnswer) => Written {
  const known = new WeakMap<GateAnswer, Written>()
  return (answer) => {
    const kept = known.get(answer)
    if (kept !== undefined) return kept
    const made = answer.kind === 'forward' ? writtenYes(profile, answer) : writtenNo(profile, answer)
    known.set(answer, made)
    return made
  }
}

function writtenYes(profile: Profile, answer: ForwardAnswer): Written {
  const list = ['cache-control', 'no-store']
  const add = (name: string, value: string): void => {
    if (headerIn(list, name) === undefined) list.push(name, value)
  }
  const addAll = (headers: HeaderList): void => {
    for (let at = 0; at + 1 < headers.length; at += 2) add(headers[at] ?? '', headers[at + 1] ?? '')
  }
  addAll(answer.requestHeaders)
  addAll(answer.responseHeaders)
  addAll(answer.replaceResponseHeaders)
  if (answer.path !== undefined) add('x-media-path', answer.path)
  for (const name of [...ALWAYS_TOLD, ...answer.removeRequestHeaders]) add(name, '')
  // A yes that cannot be written as it was meant is none: the proxy must not guess.
  if (!list.every(isHeaderValue)) return writtenNo(profile, UNWRITABLE)
  if (profile.forward === 200) list.push('content-length', '0')
  return { status: profile.forward, headers: list, body: '' }
}

function writtenNo(profile: Profile, answer: DirectAnswer): Written {
  const list = [...answer.headers, 'x-media-status', String(answer.status)]
  if (!list.every(isHeaderValue)) return writtenNo(profile, UNWRITABLE)
  const status = profile.statusOf(answer)
  // What this proxy does not pass on is not sent to it.
  const body = profile.passesWhole ? answer.body : ''
  // A length of a 304 is that of the media. @see RFC 9110 section 8.6
  if (status !== 304) list.push('content-length', String(Buffer.byteLength(body)))
  return { status, headers: list, body }
}
