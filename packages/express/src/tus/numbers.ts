import type { IncomingMessage } from 'node:http'
import { MediaError } from '@mediakeep/core'

/** A header of one value; repeated ones come joined, and then fit nothing. */
export function fieldOf({ headers }: Pick<IncomingMessage, 'headers'>, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}

export function badHeader(message: string, reason: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}

/** Written in one way only. */
const WHOLE_NUMBER = /^(?:0|[1-9]\d*)$/

/** @throws MediaError MEDIA_BAD_INPUT `bad-upload-offset` when it is absent or no whole number that can be counted with. */
export function offsetOf(text: string | undefined): number {
  const offset = text === undefined || !WHOLE_NUMBER.test(text) ? Number.NaN : Number(text)
  if (!Number.isSafeInteger(offset)) {
    throw badHeader('Upload-Offset is a whole number of bytes, 0 or more', 'bad-upload-offset')
  }
  return offset
}

/**
 * Length of a whole upload; `undefined` where there is no such header.
 * @throws MediaError MEDIA_BAD_INPUT `bad-upload-length`; MEDIA_TOO_LARGE for a number that is over every limit.
 */
export function lengthOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!WHOLE_NUMBER.test(text)) {
    throw badHeader('Upload-Length is a whole number of bytes, 0 or more', 'bad-upload-length')
  }
  const length = Number(text)
  if (Number.isSafeInteger(length)) return length
  throw new MediaError('MEDIA_TOO_LARGE', 'the upload is longer than any that is taken', {
    reason: 'entity-too-large',
  })
}

/**
 * What a creation says of its length: the length, or `undefined` for one that comes later.
 * @throws MediaError as `lengthOf`; MEDIA_BAD_INPUT `upload-length-missing`, `upload-length-ambiguous`, `bad-defer-length`
 */
export function declaredLength(length: string | undefined, deferred: string | undefined): number | undefined {
  if (deferred !== undefined && deferred !== '1') {
    throw badHeader('Upload-Defer-Length is 1 or left out', 'bad-defer-length')
  }
  if (length === undefined && deferred === undefined) {
    throw badHeader('Upload-Length or Upload-Defer-Length: 1 is required', 'upload-length-missing')
  }
  if (length !== undefined && deferred !== undefined) {
    throw badHeader('Upload-Length and Upload-Defer-Length exclude each other', 'upload-length-ambiguous')
  }
  return lengthOf(length)
}
