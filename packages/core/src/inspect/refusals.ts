import { MediaError } from '../errors/media-error.ts'

/** Why a body is refused after a look at its inside. */
export type InspectReason =
  /** 415: what the bytes are is in doubt. */
  | 'header-only'
  | 'polyglot'
  | 'trailing-data'
  | 'archives-refused'
  /** 422: they are what they claim to be, and broken, dangerous or over a limit. */
  | 'invalid-image'
  | 'image-too-large'
  | 'too-many-frames'
  | 'metadata-too-large'
  | 'invalid-media'
  | 'too-many-tracks'
  | 'external-reference'
  | 'playlist'
  | 'invalid-archive'
  | 'archive-unsafe'
  | 'archive-too-large'
  | 'archive-encrypted'
  | 'invalid-markup'
  | 'markup-too-large'
  | 'active-content'
  | 'too-complex'
  | 'inspection-timeout'
  | 'inspection-failed'

/** The bytes are of the type they claim, and cannot be taken. */
export function invalid(reason: InspectReason, message: string, cause?: unknown): MediaError {
  return new MediaError('MEDIA_INVALID', message, { reason, cause })
}

/** The bytes may be something else than they claim. */
export function doubtful(reason: InspectReason, message: string): MediaError {
  return new MediaError('MEDIA_TYPE_REFUSED', message, { reason })
}
