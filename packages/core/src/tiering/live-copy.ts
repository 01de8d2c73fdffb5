import { placementSource } from '../cas/placement-source.ts'
import type { ByteSource, Digest } from '../contracts/bytes.ts'
import type { Catalog } from '../contracts/catalog.ts'
import { isMediaError, MediaError } from '../errors/media-error.ts'
import type { Volumes } from './volumes.ts'

/**
 * The nearest live copy of a blob on a volume that is online, to be looked at. Not verified.
 * @throws MediaError MEDIA_CONFLICT `placement-gone` when this host reaches none; what the nearest volume says when all are away
 */
export async function liveCopySource(
  { catalog, volumes }: { readonly catalog: Pick<Catalog, 'copiesOf'>; readonly volumes: Volumes },
  { blobId, digest, sizeBytes }: BlobName,
): Promise<ByteSource> {
  const copies = await catalog.copiesOf(blobId)
  const live = (copies?.placements ?? []).filter(({ state }) => state === 'live')
  let away: unknown
  for (const { placement, volume } of volumes.reachable(live)) {
    try {
      await volume.checkOnline()
      return placementSource(volume.store, { key: placement.key, sizeBytes, digest, cause: 'verify' })
    } catch (error) {
      if (!isMediaError(error)) throw error
      away ??= error
    }
  }
  throw (
    away ??
    new MediaError('MEDIA_CONFLICT', 'no copy of these bytes is within reach', { reason: 'placement-gone' })
  )
}

export interface BlobName {
  readonly blobId: string
  readonly digest: Digest
  readonly sizeBytes: number
}
