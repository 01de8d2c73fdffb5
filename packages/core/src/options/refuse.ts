import { MediaError } from '../errors/media-error.ts'
import type { Check } from './checks.ts'

/** An option that cannot be taken: MEDIA_BAD_INPUT `bad-option`. */
export function badOption(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'bad-option' })
}

/**
 * A limit that is no number holds nothing back, and an option that is misspelt does nothing: neither is taken.
 * @param about Whose options they are, for the message.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option` naming every fault
 */
export function refuseBadOptions(about: string, check: Check, options: unknown): void {
  const faults = check('', options)
  if (faults.length > 0) throw badOption(`${about}: ${faults.join('; ')}`)
}
