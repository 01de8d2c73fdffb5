import type { MediaQuery, MediaState } from '../contracts/media.ts'
import { MediaError } from '../errors/media-error.ts'
import { parseLinkTarget } from '../names/index.ts'

const STATES: Readonly<Record<MediaState, true>> = {
  pending: true,
  active: true,
  rejected: true,
  quarantined: true,
}
const TYPE = /^[\w!#$&^.+-]+\/(?:\*|[\w!#$&^.+-]+)$/
const TEXTS = ['owner', 'tag', 'key', 'q', 'cursor'] as const
const TIMES = ['createdAfter', 'createdBefore'] as const

/**
 * Looks at every filter of a list: one that can hold for nothing, or is dropped on the way, is a list of other media
 * than were asked for. Types are compared in lower case.
 * @throws MediaError MEDIA_BAD_INPUT `bad-query`, `bad-link`
 */
export function parseQuery<Query extends MediaQuery>(query: Query): Query {
  for (const name of TEXTS)
    if (query[name] !== undefined && typeof query[name] !== 'string') throw bad(`${name} is a text`)
  for (const name of TIMES) {
    const time: unknown = query[name]
    if (time !== undefined && !(time instanceof Date && Number.isFinite(time.getTime())))
      throw bad(`${name} is a Date`)
  }
  const { state, type, link } = query
  if (state !== undefined && !Object.hasOwn(STATES, state))
    throw bad(`state is one of ${Object.keys(STATES).join(', ')}`)
  if (type !== undefined && !(typeof type === 'string' && TYPE.test(type)))
    throw bad('type is type/subtype or type/*')
  return {
    ...query,
    ...(type === undefined ? {} : { type: type.toLowerCase() }),
    ...(link === undefined ? {} : { link: parseLinkTarget(link) }),
  }
}

function bad(what: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `the list cannot be made: ${what}`, { reason: 'bad-query' })
}
