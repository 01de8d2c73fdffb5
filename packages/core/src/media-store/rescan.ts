import type { MediaRecord } from '../contracts/catalog.ts'
import { MediaError } from '../errors/media-error.ts'
import type { Engine } from './engine.ts'

/** @throws MediaError MEDIA_CONFLICT `no-digest`; what the scanner throws */
export async function rescan(
  { catalog, scans, domainOf }: Engine,
  { id, namespace, content }: MediaRecord,
  signal: AbortSignal | undefined,
): Promise<void> {
  const domain = domainOf(namespace)
  const blobIds = new Set([content.blobId, ...(await catalog.heldContents(id)).map(({ blobId }) => blobId)])
  for (const blobId of blobIds) {
    const blob = await catalog.copiesOf(blobId)
    if (blob?.digest === undefined)
      throw new MediaError('MEDIA_CONFLICT', 'nobody has read these bytes yet, so that they have no name', {
        reason: 'no-digest',
      })
    const { digest, sizeBytes } = blob
    await scans.now({ blobId, digest, sizeBytes, contentType: content.contentType, domain }, signal)
  }
}
