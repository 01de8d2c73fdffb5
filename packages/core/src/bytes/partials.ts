import type { PartialPart } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'

/** @throws MediaError MEDIA_BAD_INPUT `bad-name` for an empty name and for a number below 0 or between two */
export function checkPart(storeName: string, { name, part }: PartialPart): void {
  if (name !== '' && Number.isSafeInteger(part) && part >= 0) return
  const message = `${storeName}: ${part} of ${JSON.stringify(name)} is no part of a body`
  throw new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-name' })
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-position` */
export function checkPosition(storeName: string, position: number): void {
  if (Number.isSafeInteger(position) && position >= 0) return
  throw new MediaError('MEDIA_BAD_INPUT', `${storeName}: ${position} is no position in a body`, {
    reason: 'bad-position',
  })
}

/** What writers and bodies throw once their part is no more, or they are closed. */
export function partEnded(storeName: string, { name, part }: PartialPart): MediaError {
  const message = `${storeName}: part ${part} of ${name} was closed, removed or taken over`
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'staging-ended' })
}

export function partShort(
  storeName: string,
  { name, part }: PartialPart,
  hasBytes: number,
  sizeBytes: number,
): MediaError {
  const message = `${storeName}: part ${part} of ${name} has ${hasBytes} bytes, not ${sizeBytes}`
  return new MediaError('MEDIA_CORRUPT', message, { reason: 'part-short' })
}
