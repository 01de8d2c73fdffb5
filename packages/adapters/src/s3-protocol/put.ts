import {
  type ByteSource,
  type CallScope,
  checkDigest,
  digestFromHex,
  MediaError,
  type ObjectHead,
  type PutObjectOptions,
} from '@mediakeep/core'
import { type Bucket, writtenHead } from './bucket.ts'
import type { Frame, ObjectHeaders } from './bucket-client.ts'
import { encodeMetadata } from './metadata.ts'
import { createPartBuffer } from './part-buffer.ts'
import { chunksOf, readWhole } from './read-source.ts'
import { startUpload } from './upload.ts'
import { writeObject } from './write.ts'

/** Most parts S3 takes. */
export const MAX_PARTS = 10_000
const MiB = 1024 * 1024

/**
 * Bodies are read into memory before they are sent, a part at a time: so each request says the SHA-256 of its bytes and the client
 * can send it again, which it cannot do with a stream. Nothing is sent of a body that is not what it declares.
 */
export async function putObject(
  bucket: Bucket,
  key: string,
  source: ByteSource,
  options: PutObjectOptions,
  scope: CallScope,
  frame: Frame,
): Promise<ObjectHead> {
  const { budget, layout, storeName } = bucket
  const { sizeBytes } = source
  checkSize(bucket, sizeBytes)
  const name = layout.nameOf(key)
  const headers = headersOf(storeName, options)
  const partBytes = partBytesFor(bucket, sizeBytes)
  const isOne = sizeBytes <= bucket.partBytes
  const free = await budget.acquire(heldBytes(bucket, source, partBytes), scope.signal)
  try {
    if (isOne) {
      const body = await readWhole(source, scope.signal)
      scope.check()
      checkDigest(digestFromHex(body.sha256), options.checksum)
      const written = await writeObject(bucket, name, body, headers, options.when, frame)
      return writtenHead(bucket, key, sizeBytes, written, headers)
    }
    const upload = await startUpload(bucket, name, headers, frame)
    try {
      const parts = createPartBuffer(partBytes, (part) => upload.addPart(part))
      for await (const chunk of chunksOf(source, scope.signal)) {
        const room = parts.write(chunk)
        if (room !== undefined) await room
      }
      scope.check()
      const { rest, sha256 } = parts.end()
      checkDigest(digestFromHex(sha256), options.checksum)
      await upload.addPart(rest)
      const written = await upload.complete(options.when, frame)
      return writtenHead(bucket, key, sizeBytes, written, headers)
    } catch (error) {
      await upload.abort()
      throw error
    }
  } finally {
    free()
  }
}

export function headersOf(storeName: string, options: PutObjectOptions): ObjectHeaders {
  return {
    ...(options.contentType === undefined ? {} : { contentType: options.contentType }),
    metadata: encodeMetadata(storeName, options.metadata),
  }
}

/** Parts grow, in whole mebibytes, where 10,000 of the usual size would not do. */
export function partBytesFor(bucket: Bucket, sizeBytes: number): number {
  return Math.max(bucket.partBytes, Math.ceil(sizeBytes / MAX_PARTS / MiB) * MiB)
}

/** What the put holds in memory besides the source itself. */
function heldBytes(bucket: Bucket, { sizeBytes, bytes }: ByteSource, partBytes: number): number {
  if (sizeBytes <= bucket.partBytes) return bytes === undefined ? sizeBytes : 0
  // A part on top of those on their way: the one that is being filled.
  return Math.min(sizeBytes, partBytes * (bucket.partsAtOnce + 1))
}

function checkSize({ storeName, maxObjectBytes }: Bucket, sizeBytes: number): void {
  if (sizeBytes > maxObjectBytes) {
    const message = `${storeName}: ${sizeBytes} bytes are more than an object can have (${maxObjectBytes})`
    throw new MediaError('MEDIA_TOO_LARGE', message)
  }
  if (Number.isSafeInteger(sizeBytes) && sizeBytes >= 0) return
  throw new MediaError('MEDIA_BAD_INPUT', `${storeName}: ${sizeBytes} is not a number of bytes`, {
    reason: 'bad-size',
  })
}
