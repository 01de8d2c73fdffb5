import { Transform } from 'node:stream'
import { createBodyDigester } from '../cas/body-digest.ts'
import { corruptBytes } from '../cas/corrupt.ts'
import { externalDomain } from '../catalog/index.ts'
import type { ContentRecord, MediaRecord } from '../contracts/catalog.ts'
import { isMediaError } from '../errors/media-error.ts'
import { tellUpkeepFailed, toFailure } from '../ingest/upkeep-failed.ts'
import type { BlobToScan } from '../scanning/background.ts'
import type { UpkeepContext } from '../upkeep/context.ts'

/** Bytes that have a name now can be looked at: what was found in the same bytes before counts at once. */
async function scanLearned(
  { catalog, scanning, scans }: Pick<UpkeepContext, 'catalog' | 'scanning' | 'scans'>,
  blob: BlobToScan,
): Promise<void> {
  if (!scanning.isOn) return
  const known = await catalog.verdictOf(blob.domain, blob.digest)
  if (known === undefined) scans.soon(blob)
  else if (known.verdict !== 'clean') await scans.hold(blob, known)
}

/**
 * Lets the bytes of a content without digest pass, and learns the digest and the sums of its chunks on the way. The last piece
 * is held back until they are recorded, or found to be others than somebody else read of the same object: then it never comes. A
 * catalog that cannot be asked does not end the read: the next one learns.
 */
export function learning(
  context: Pick<UpkeepContext, 'catalog' | 'clock' | 'emit' | 'domainOf' | 'scanning' | 'scans'>,
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
      const blobId = await context.catalog.learnDigest(content.blobId, { domain, digest, chunkSums })
      if (blobId !== undefined) await scanLearned(context, { ...content, blobId, digest, domain })
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
