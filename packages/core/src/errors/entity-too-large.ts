import { MediaError } from './media-error.ts'

/** More bytes than may come: however it shows, by what was declared, counted or found. */
export function entityTooLarge(message: string, cause?: MediaError): MediaError {
  return new MediaError('MEDIA_TOO_LARGE', message, { reason: 'entity-too-large', cause })
}

/** Of a body with a limit. */
export function bodyTooLarge(maxBytes: number): MediaError {
  return entityTooLarge(`the body is over ${maxBytes} bytes`)
}

/** Of an upload whose length was agreed. */
export function uploadTooLarge(sizeBytes: number, cause?: MediaError): MediaError {
  return entityTooLarge(`the upload takes ${sizeBytes} bytes`, cause)
}
