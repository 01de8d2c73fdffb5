import type { Call } from '../contracts/call.ts'
import { MediaError } from '../errors/media-error.ts'

/** Names of the options that a call takes; of a union, those of all its members. */
export type OptionNames<T> = Readonly<Record<T extends unknown ? keyof T : never, true>>

/** Those of every call. */
export const CALL_OPTIONS: OptionNames<Call> = { signal: true, deadlineAt: true, context: true }

/**
 * Refuses options that a call does not take: whoever misspells a condition or a filter would get what he did not ask for.
 * @throws MediaError MEDIA_BAD_INPUT `unknown-option`
 */
export function refuseUnknown<T>(call: string, options: object, known: OptionNames<T>): void {
  for (const name in options)
    if (!Object.hasOwn(known, name))
      throw new MediaError(
        'MEDIA_BAD_INPUT',
        `${call} has no option "${name}"; it has ${Object.keys(known).join(', ')}`,
        { reason: 'unknown-option' },
      )
}
