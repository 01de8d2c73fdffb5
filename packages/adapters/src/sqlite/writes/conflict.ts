import { MediaError } from '@mediakeep/core'
import { isConstraint } from '../errors.ts'

/** Runs a write that only a taken id or key can refuse. @throws MediaError MEDIA_CONFLICT with this reason. */
export function orConflict(reason: string, message: string, write: () => unknown): void {
  try {
    write()
  } catch (error) {
    if (!isConstraint(error)) throw error
    throw new MediaError('MEDIA_CONFLICT', `sqlite: ${message}`, { reason, cause: error })
  }
}
