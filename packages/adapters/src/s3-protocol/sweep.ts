import type { Bucket } from './bucket.ts'
import type { Frame } from './bucket-client.ts'
import { checkOption } from './configure.ts'
import { S3Failure } from './s3-failure.ts'

interface Swept extends Pick<Bucket, 'storeName' | 'clock'> {
  readonly client: Pick<Bucket['client'], 'listUploads' | 'abortUpload'>
  readonly layout: Pick<Bucket['layout'], 'objects'>
}

/**
 * Ends uploads that were begun so long ago; one that another process ends first counts as ended.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option` for an age that is no whole number, or below 0
 */
export async function sweepUploads(bucket: Swept, olderThanMs: number, frame: Frame): Promise<number> {
  checkOption(bucket.storeName, 'olderThanMs', olderThanMs, 0, Number.MAX_SAFE_INTEGER)
  const pending = await bucket.client.listUploads(bucket.layout.objects, frame)
  let ended = 0
  for (const upload of pending) {
    // One of which nobody knows when it was begun is not known to be old.
    if (!(bucket.clock.now() - upload.initiatedAt.getTime() >= olderThanMs)) continue
    try {
      await bucket.client.abortUpload(upload, frame)
    } catch (error) {
      if (!(error instanceof S3Failure && error.code === 'NoSuchUpload')) throw error
    }
    ended += 1
  }
  return ended
}
