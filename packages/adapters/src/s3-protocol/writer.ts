import {
  type CallScope,
  checkDigest,
  digestFromHex,
  MediaError,
  type ObjectHead,
  type ObjectWriter,
  type PutObjectOptions,
} from '@mediakeep/core'
import { createObjectWriter, type WriterRules } from '../scopes/object-writer.ts'
import { type Bucket, writtenHead } from './bucket.ts'
import type { Frame } from './bucket-client.ts'
import { createPartBuffer } from './part-buffer.ts'
import { headersOf, MAX_PARTS } from './put.ts'
import { type MultipartUpload, startUpload } from './upload.ts'
import { writeObject } from './write.ts'

export interface BucketWriterRules extends WriterRules {
  frameOf(scope: CallScope, options?: PutObjectOptions): Frame
}

/**
 * Writes an object of unknown length. What fits one part is one request, made at the commit; a longer body is a multipart upload, of
 * which one part is being filled and `partsAtOnce` travel.
 */
export function createBucketWriter(bucket: Bucket, key: string, rules: BucketWriterRules): ObjectWriter {
  const { storeName, partBytes } = bucket
  const name = bucket.layout.nameOf(key)
  let upload: MultipartUpload | undefined
  let sizeBytes = 0

  const parts = createPartBuffer(partBytes, async (part) => {
    upload ??= await startUpload(bucket, name, { metadata: {} }, rules.frameOf(rules.scope))
    await upload.addPart(part)
  })

  async function publish(options: PutObjectOptions, commitScope: CallScope): Promise<ObjectHead> {
    const headers = headersOf(storeName, options)
    const { rest, sha256 } = parts.end()
    checkDigest(digestFromHex(sha256), options.checksum)
    const frame = rules.frameOf(commitScope, options)
    if (upload === undefined) {
      const written = await writeObject(bucket, name, rest, headers, options.when, frame)
      return writtenHead(bucket, key, sizeBytes, written, headers)
    }
    if (headers.contentType !== undefined || Object.keys(headers.metadata).length > 0) {
      const message = `${storeName}: content type and metadata come too late for an object of several parts`
      throw new MediaError('MEDIA_UNSUPPORTED', message, { reason: 'late-metadata' })
    }
    await upload.addPart(rest)
    const written = await upload.complete(options.when, frame)
    return writtenHead(bucket, key, sizeBytes, written, headers)
  }

  return createObjectWriter(
    {
      async write(chunk) {
        if (sizeBytes + chunk.byteLength > MAX_PARTS * partBytes) {
          const message = `${storeName}: more than ${MAX_PARTS} parts of ${partBytes} bytes; raise partBytes`
          throw new MediaError('MEDIA_TOO_LARGE', message, { reason: 'too-many-parts' })
        }
        sizeBytes += chunk.byteLength
        await parts.write(chunk)
      },
      publish,
      async drop() {
        await upload?.abort()
      },
    },
    rules,
  )
}
