import type { MediaErrorCode } from '../errors/codes.ts'
import { isMediaError } from '../errors/media-error.ts'
import type { IngestContext } from './context.ts'

/** Tells of work behind the scenes that failed and is tried again later: no caller waits for it, so nobody is thrown at. */
export function tellUpkeepFailed(
  { clock, emit }: Pick<IngestContext, 'clock' | 'emit'>,
  task: string,
  { code, message }: { readonly code: MediaErrorCode; readonly message: string },
): void {
  emit({ type: 'upkeep.failed', at: new Date(clock.now()), task, code, message })
}

/** What is told of an error that may be none of ours. */
export function toFailure(error: unknown): { readonly code: MediaErrorCode; readonly message: string } {
  return isMediaError(error) ? error : { code: 'MEDIA_UNAVAILABLE', message: 'unexpected failure' }
}
