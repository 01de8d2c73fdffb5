import { Transform } from 'node:stream'
import { createBodyDigester } from '../cas/body-digest.ts'
import { corruptBytes } from '../cas/corrupt.ts'
import { externalDomain } from '../catalog/index.ts'
import type { ContentRecord, MediaRecord } from '../contracts/catalog.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import type { ExternalContext } from './context.ts'

/**
 * Lets the bytes of a content without digest pass, and learns the digest and the sums of its chunks on the way. The last piece
 * is held back until they are recorded, or found to be others than somebody else read of the same object: then it never comes. A
 * catalog that cannot be asked does not end the read: the next one learns.
 */
export function learning(
  context: Pick<ExternalContext, 'catalog' | 'clock' | 'emit' | 'domainOf'>,
  { namespace, content }: Pick<MediaRecord, 'namespace'> & { readonly content: ContentRecord },
  placementId: string,
): Transform {
  const digester = createBodyDigester()
  let held: Buffer | undefined
  const learn = async (): Promise<void> => {
    const { digest, sizeBytes, chunkSums } = digester.finish()
    if (sizeBytes !== content.sizeBytes)
      throw corruptBytes(placementId, 'short', `${sizeBytes} of ${content.sizeBytes} bytes came`)
    const domain = externalDomain(context.domainOf(namespace))
    try {
      await context.catalog.learnDigest(content.blobId, { domain, digest, chunkSums })
    } catch (error) {
      if (isMediaError(error, 'MEDIA_CONFLICT'))
        throw corruptBytes(placementId, 'digest', 'others read other bytes of the same object')
      tellUpkeepFailed(context, 'learn-digest', toFailure(error))
    }
  }
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      digester.update(chunk)
      const ready = held
      held = chunk
      done(null, ready)
    },
    flush(done) {
      learn().then(
        () => done(null, held),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
      )
    },
  })
}
