import type { Digest } from '../contracts/bytes.ts'
import type { BlobVerdict, MediaRecord } from '../contracts/catalog.ts'
import { MediaError } from '../errors/media-error.ts'
import type { BlobToScan } from '../scanning/background.ts'
import type { IngestContext } from './context.ts'
import type { PutRequest } from './put-options.ts'

export interface PutOutcome {
  readonly record: MediaRecord
  readonly created: boolean
  readonly deduplicated: boolean
  /** An earlier put with the same idempotency key made it. */
  readonly repeated: boolean
  /** Key of the placement that was made, where the bytes were not there already. */
  readonly ownKey?: string
  /** Something was found in these bytes: other media that share them are to be held back too. */
  readonly bad?: { readonly blobId: string; readonly digest: Digest; readonly verdict: BlobVerdict }
  /** Its content waits for a look at these bytes. */
  readonly pending?: BlobToScan
  /** Of the bytes; absent where nothing was committed. */
  readonly chunkSums?: Uint8Array
}

/** What a put answers whose idempotency key was used before. @throws MediaError MEDIA_GONE `repeated-gone`, MEDIA_CONFLICT `idempotency-key-reused` */
export async function repeatedOutcome(
  context: IngestContext,
  request: PutRequest,
  knownBytes: number | undefined,
  mediaId: string,
): Promise<PutOutcome> {
  const record = await context.catalog.get(request.namespace, mediaId)
  if (record === undefined)
    throw new MediaError('MEDIA_GONE', 'the media that this idempotency key made was deleted', {
      reason: 'repeated-gone',
    })
  if (!isRepeat(record, request, knownBytes)) {
    throw new MediaError('MEDIA_CONFLICT', 'this idempotency key was used for another put', {
      reason: 'idempotency-key-reused',
    })
  }
  return { record, created: false, deduplicated: true, repeated: true }
}

/**
 * Tells as far as can be told without reading the body: to answer a put of other bytes, or to another place, with the
 * first outcome would be to say that they are kept. What the first content was is known while it is the content.
 */
function isRepeat(
  record: MediaRecord,
  { media, digest }: PutRequest,
  knownBytes: number | undefined,
): boolean {
  const { at } = media
  if (at !== undefined && (typeof at === 'string' ? at !== record.id : at.key !== record.key)) return false
  const { content } = record
  if (content.number > 1) return true
  const isOtherLength = knownBytes !== undefined && knownBytes !== content.sizeBytes
  return !isOtherLength && (digest === undefined || digest === content.digest)
}
