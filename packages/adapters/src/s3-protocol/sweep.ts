import type { Bucket } from './bucket.ts'
import type { Frame } from './bucket-client.ts'
import { S3Failure } from './s3-failure.ts'

/** Ends uploads that were begun so long ago; one that another process ends first counts as ended. */
export async function sweepUploads(bucket: Bucket, olderThanMs: number, frame: Frame): Promise<number> {
  const pending = await bucket.client.listUploads(bucket.layout.objects, frame)
  let ended = 0
  for (const upload of pending) {
    if (bucket.clock.now() - upload.initiatedAt.getTime() < olderThanMs) continue
    try {
      await bucket.client.abortUpload(upload, frame)
    } catch (error) {
      if (!(error instanceof S3Failure && error.code === 'NoSuchUpload')) throw error
    }
    ended += 1
  }
  return ended
}
