import type { Call, DirectParts, ObjectHead } from '@mediakeep/core'
import { type Bucket, headOf } from './bucket.ts'
import type { Frame } from './bucket-client.ts'
import { headObject } from './get.ts'
import { MAX_PARTS } from './put.ts'
import { S3Failure } from './s3-failure.ts'

const MAX_PART_BYTES = 5 * 1024 ** 3

/** Runs one request as a call of the store. */
export type AskBucket = <Result>(
  act: string,
  key: string,
  call: Call | undefined,
  cause: Frame['cause'],
  work: (name: string, frame: Frame) => Promise<Result>,
) => Promise<Result>

/**
 * Multipart uploads whose parts others send. Creation and completion are ours alone, so that the object, once made, has no address
 * left that could write to it: an address of a part is good for its upload, and that has ended.
 */
export function createDirectParts(bucket: Bucket, ask: AskBucket): DirectParts {
  const { client } = bucket
  return {
    maxParts: MAX_PARTS,
    maxPartBytes: MAX_PART_BYTES,
    begin: (key, options) =>
      ask('begin the parts of', key, options, 'write', async (name, frame) => {
        const headers = options?.contentType === undefined ? {} : { contentType: options.contentType }
        const { uploadId } = await client.createUpload(name, { ...headers, metadata: {} }, frame)
        return { key, uploadId }
      }),
    sign: ({ key, uploadId }, { number, sizeBytes, expiresAt }) =>
      ask('sign a part of', key, undefined, 'write', async (name) =>
        client.sign(name, {
          method: 'PUT',
          expiresAt,
          part: { uploadId, number },
          ...(sizeBytes === undefined ? {} : { exact: { sizeBytes } }),
        }),
      ),
    list: ({ key, uploadId }, options) =>
      ask('list the parts of', key, options, 'write', async (name, frame) =>
        unlessGone(client.listParts({ key: name, uploadId }, frame)),
      ),
    complete: ({ key, uploadId }, parts, options) =>
      ask('complete', key, options, 'write', async (name, frame): Promise<ObjectHead | undefined> => {
        const done = await unlessGone(client.completeUpload({ key: name, uploadId }, parts, undefined, frame))
        return done === undefined ? undefined : headOf(key, await headObject(bucket, name, frame))
      }),
    abort: (key, options) =>
      ask('end the parts of', key, options, 'gc', async (name, frame) => {
        // Endpoints list by prefix: of one key that is its own name, or longer ones.
        const pending = await client.listUploads(name, frame)
        for (const upload of pending)
          if (upload.key === name) await unlessGone(client.abortUpload(upload, frame))
      }),
  }
}

/** There is no such upload: it was completed, or ended. */
async function unlessGone<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof S3Failure && error.code === 'NoSuchUpload') return undefined
    throw error
  }
}
