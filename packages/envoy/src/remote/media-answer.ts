import { type Availability, DEFAULT_NAMESPACE, isDigest, isId, type Media, MediaError } from '@mediakeep/core'

/** A record as the routes of a media service tell it, and the tier that it is ready in, if it is. */
export interface MediaAnswer {
  readonly media: Media
  readonly readyIn: string | undefined
}

type Fields = Readonly<Record<string, unknown>>

/**
 * What the gate needs of a record. Whatever does not look like one is the answer of something else.
 * @throws MediaError MEDIA_UNAVAILABLE `service-unreachable`
 */
export function parseMedia(answer: unknown): MediaAnswer {
  const fields = fieldsOf(answer)
  const { key, visibility, state, availability } = fields
  const id = textOf(fields['id'])
  const digest = fields['digest'] === undefined ? undefined : textOf(fields['digest'])
  if (!isId(id) || (digest !== undefined && !isDigest(digest))) throw notOurs()
  if (visibility !== 'public' && visibility !== 'private') throw notOurs()
  if (state !== 'active' && state !== 'pending' && state !== 'rejected' && state !== 'quarantined')
    throw notOurs()
  const media: Media = {
    id,
    namespace: DEFAULT_NAMESPACE,
    ...(key === undefined ? {} : { key: textOf(key) }),
    ...(digest === undefined ? {} : { digest }),
    sizeBytes: sizeOf(fields['sizeBytes']),
    contentType: textOf(fields['contentType']),
    filename: textOf(fields['filename']),
    owner: textOf(fields['owner']),
    visibility,
    tags: [],
    metadata: {},
    links: [],
    state,
    revision: sizeOf(fields['revision']),
    contentNumber: 1,
    createdAt: dateOf(fields['createdAt']),
    // Not told over HTTP.
    contentCreatedAt: dateOf(fields['createdAt']),
    updatedAt: dateOf(fields['updatedAt']),
  }
  return { media, readyIn: availability === 'ready' ? textOf(fields['tier']) : undefined }
}

/** @throws MediaError MEDIA_UNAVAILABLE `service-unreachable` */
export function parseAvailability(answer: unknown): Availability {
  const fields = fieldsOf(answer)
  switch (fields['state']) {
    case 'ready':
      return {
        state: 'ready',
        tier: textOf(fields['tier']),
        since: dateOf(fields['since']),
        ...(fields['lastReadAt'] === undefined ? {} : { lastReadAt: dateOf(fields['lastReadAt']) }),
        ...(fields['until'] === undefined ? {} : { until: dateOf(fields['until']) }),
      }
    case 'cold':
      return { state: 'cold', tier: textOf(fields['tier']), estimateMs: sizeOf(fields['estimateMs']) }
    case 'loading':
      return { state: 'loading', retryAfterMs: sizeOf(fields['retryAfterMs']) }
    case 'failed':
      return {
        state: 'failed',
        retryAfterMs: sizeOf(fields['retryAfterMs']),
        reason: textOf(fields['reason']),
      }
    case 'held':
      return { state: 'held', reason: fields['reason'] === 'pending' ? 'pending' : 'quarantined' }
    case 'missing':
      return { state: 'missing' }
    default:
      throw notOurs()
  }
}

function fieldsOf(answer: unknown): Fields {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) throw notOurs()
  return answer as Fields
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw notOurs()
  return value
}

function sizeOf(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0)) throw notOurs()
  return value
}

function dateOf(value: unknown): Date {
  const date = new Date(typeof value === 'string' ? value : Number.NaN)
  if (Number.isNaN(date.getTime())) throw notOurs()
  return date
}

function notOurs(): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', 'the media service answered with something else than a media', {
    reason: 'service-unreachable',
  })
}
