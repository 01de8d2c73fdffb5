import type { Catalog } from '../contracts/catalog.ts'
import type { ObjectHint } from '../contracts/tiering.ts'
import type { UploadSessions } from '../contracts/uploads.ts'
import { isMediaError } from '../errors/media-error.ts'
import { sessionOfKey } from '../uploads/direct.ts'
import type { ExternalContext } from './context.ts'
import { followHints } from './follow.ts'

/**
 * Completes uploads whose objects a bucket says to have come. A hint may come late, twice, out of order or never: the object itself is
 * looked at, one that was completed is left, and what never comes is completed by its sender, or runs out.
 */
export function followArrivals(
  context: Pick<ExternalContext, 'clock' | 'emit'> & { readonly catalog: Pick<Catalog, 'getSession'> },
  hints: AsyncIterable<ObjectHint>,
  uploadsOf: (namespace: string) => Pick<UploadSessions, 'arrived'>,
  signal: AbortSignal,
): Promise<void> {
  return followHints(context, hints, {
    signal,
    async look(key, until) {
      const sessionId = sessionOfKey(key)
      const session = sessionId === undefined ? undefined : await context.catalog.getSession(sessionId)
      if (session === undefined) return
      try {
        await uploadsOf(session.namespace).arrived(key, { signal: until })
      } catch (error) {
        // What is wrong with the bytes is told by the upload itself. What may pass is tried again.
        if (!isMediaError(error) || error.retryable || error.code === 'MEDIA_CLOSED') throw error
      }
    },
    reconcile: async () => {},
  })
}
