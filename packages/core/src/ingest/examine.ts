import type { ByteSource } from '../contracts/bytes.ts'
import type { BlobVerdict } from '../contracts/catalog.ts'
import type { MediaFacts, MediaState } from '../contracts/media.ts'
import type { IngestContext } from './context.ts'
import type { ReceivedBody } from './receive.ts'

/** What whole bytes were found to be. */
export interface Examined {
  readonly facts: MediaFacts
  readonly state: Extract<MediaState, 'active' | 'pending' | 'quarantined'>
  readonly verdict?: BlobVerdict
}

/**
 * Looks into a body that is whole, before anybody may read it: by its type, then by the scanner. One order for every door.
 * @throws MediaError MEDIA_INVALID or MEDIA_TYPE_REFUSED; what the scanner throws
 */
export async function examine(
  context: IngestContext,
  { namespace, filename }: { readonly namespace: string; readonly filename: string },
  received: Pick<ReceivedBody, 'summary' | 'contentType' | 'policy' | 'head'>,
  source: ByteSource,
  signal: AbortSignal | undefined,
): Promise<Examined> {
  const { contentType, policy, summary, head } = received
  const facts = await context.inspector.inspect({ source, contentType, filename, policy, head, signal })
  const { digest } = summary
  const domain = context.domainOf(namespace)
  const looked = await context.scanning.admit({ source, digest, contentType, domain }, signal)
  return { facts, ...looked }
}
