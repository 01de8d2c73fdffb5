import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { WriteCondition } from '@mediakeep/core'
import type { Bucket } from './bucket.ts'
import type { Body, Frame, ObjectHeaders, Written } from './bucket-client.ts'
import { WRITE_MARK } from './metadata.ts'
import { S3Failure, saysRefused } from './s3-failure.ts'

/** Tries of a write that the endpoint refused because another of the same key was under way. */
const CONFLICT_TRIES = 6
const CONFLICT_WAIT_MS = 50

/** The headers with a mark of this one write, by which it is known again when its answer is lost. */
export function marked(headers: ObjectHeaders): ObjectHeaders {
  return { ...headers, metadata: { ...headers.metadata, [WRITE_MARK]: randomUUID() } }
}

/** One request that publishes the whole body. */
export function writeObject(
  bucket: Bucket,
  name: string,
  body: Body,
  headers: ObjectHeaders,
  when: WriteCondition | undefined,
  frame: Frame,
): Promise<Written> {
  const condition = conditionOf(bucket, when)
  const sent = condition === undefined ? headers : marked(headers)
  return publishing(bucket, name, sent, condition, frame, () =>
    bucket.client.putObject(name, body, sent, condition, frame),
  )
}

/** An endpoint that ignores conditions, or refuses them as unknown, is not sent any. */
export function conditionOf(bucket: Bucket, when: WriteCondition | undefined): WriteCondition | undefined {
  return bucket.conditionalPut === 'enforced' ? when : undefined
}

/**
 * Runs the request that makes an object visible. When its answer was lost and the client asked again, the second answer says
 * "precondition failed" or "no such upload" of our own success: the mark in the object's metadata tells.
 */
export async function publishing(
  bucket: Bucket,
  name: string,
  headers: ObjectHeaders,
  when: WriteCondition | undefined,
  frame: Frame,
  publish: () => Promise<Written>,
): Promise<Written> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await publish()
    } catch (error) {
      if (!(error instanceof S3Failure)) throw error
      if (error.code === 'ConditionalRequestConflict' && attempt < CONFLICT_TRIES) {
        await delay(randomInt(CONFLICT_WAIT_MS * attempt), undefined, { signal: frame.signal })
        continue
      }
      if (error.attempts > 1 && (saysRefused(error) || error.code === 'NoSuchUpload')) {
        const ours = await findOurs(bucket, name, headers, frame)
        if (ours !== undefined) return ours
      }
      // If-Match on a key without object: the condition does not hold.
      if (
        when?.type === 'match' &&
        error.status === 404 &&
        error.code !== 'NoSuchBucket' &&
        error.code !== 'NoSuchUpload'
      )
        throw new S3Failure('PreconditionFailed', { status: 412, attempts: error.attempts, cause: error })
      throw error
    }
  }
}

async function findOurs(
  bucket: Bucket,
  name: string,
  headers: ObjectHeaders,
  frame: Frame,
): Promise<Written | undefined> {
  const mark = headers.metadata[WRITE_MARK]
  if (mark === undefined) return undefined
  try {
    const facts = await bucket.client.headObject(name, frame)
    return facts.metadata[WRITE_MARK] === mark
      ? { etag: facts.etag, answeredAt: facts.modifiedAt }
      : undefined
  } catch (error) {
    if (error instanceof S3Failure) return undefined // the refusal says more
    throw error
  }
}
