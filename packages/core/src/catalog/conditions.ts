import type { Digest } from '../contracts/bytes.ts'
import type { MediaRecord } from '../contracts/catalog.ts'
import type { MediaCondition } from '../contracts/media.ts'
import { MediaError } from '../errors/media-error.ts'
import { etagOfDigest } from '../http/etag.ts'

/** As much of a record as conditions look at. */
export type ConditionSubject = Pick<MediaRecord, 'revision'> & {
  readonly content: { readonly digest?: Digest }
}

/**
 * Refuses a write whose condition does not hold for what is there now (`undefined`: nothing is).
 * Etags are opaque strings without quotes, as `etagOfDigest` makes them. Content without a digest matches none.
 * @throws MediaError MEDIA_PRECONDITION `exists` | `absent` | `etag` | `revision`
 * @see RFC 9110 section 13.1
 */
export function checkCondition(
  existing: ConditionSubject | undefined,
  when: MediaCondition | undefined,
): void {
  if (when === undefined) return
  switch (when.type) {
    case 'absent':
      if (existing !== undefined) throw refuse('exists', 'the record exists already')
      return
    case 'exists':
      if (existing === undefined) throw refuse('absent', 'the record does not exist')
      return
    case 'match': {
      const digest = existing?.content.digest
      if (existing === undefined) throw refuse('absent', 'the record does not exist')
      if (digest === undefined || !when.etags.includes(etagOfDigest(digest))) {
        throw refuse('etag', 'the record holds other bytes')
      }
      return
    }
    case 'revision':
      if (existing === undefined) throw refuse('absent', 'the record does not exist')
      checkRevision(existing, when.revision)
  }
}

/** @throws MediaError MEDIA_PRECONDITION `revision` unless the record is at this revision; `undefined` asks for none. */
export function checkRevision(existing: Pick<MediaRecord, 'revision'>, ifRevision: number | undefined): void {
  if (ifRevision === undefined || existing.revision === ifRevision) return
  throw refuse('revision', `the record is at revision ${existing.revision}, not ${ifRevision}; read it again`)
}

function refuse(reason: string, message: string): MediaError {
  return new MediaError('MEDIA_PRECONDITION', message, { reason })
}
