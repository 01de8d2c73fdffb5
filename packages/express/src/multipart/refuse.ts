import { MediaError, type MediaErrorCode } from '@mediakeep/core'

/** Finer words for a form that is refused. */
export type MultipartReason =
  | 'malformed-multipart'
  | 'incomplete-body'
  | 'too-many-parts'
  | 'too-many-files'
  | 'field-too-large'
  | 'invalid-field-name'
  | 'invalid-field'
  | 'duplicate-field'
  | 'invalid-filename'
  | 'ambiguous-filename'
  | 'missing-filename'
  | 'missing-file'
  | 'unexpected-file'
  | 'missing-disposition'
  | 'unsupported-encoding'
  | 'unsupported-charset'
  | 'nested-multipart'

/** The error of a refused form; 400 unless a code with another status is given. */
export function refuseForm(
  reason: MultipartReason,
  message: string,
  code: MediaErrorCode = 'MEDIA_BAD_INPUT',
): MediaError {
  return new MediaError(code, message, { reason })
}
