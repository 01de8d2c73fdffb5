import { MediaError } from '../errors/media-error.ts'

/** Why a name or a piece of user data was refused. */
export type NameReason =
  | 'nul-in-name'
  | 'invalid-filename'
  | 'bad-key'
  | 'bad-tags'
  | 'bad-metadata'
  | 'bad-link'
  | 'bad-disposition'
  | 'ambiguous-filename'

/** What a form field says as JSON. @throws MediaError MEDIA_BAD_INPUT for the reason */
export function parseJsonField(text: string, reason: NameReason, message: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw badName(reason, message)
  }
}

/** MEDIA_BAD_INPUT; messages never repeat what was sent. */
export function badName(reason: NameReason, message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}
