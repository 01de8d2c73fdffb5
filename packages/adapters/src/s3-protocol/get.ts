import { type ByteRange, clampRange, MediaError, rangeBytes } from '@mediakeep/core'
import type { Bucket } from './bucket.ts'
import type { Frame, ObjectFacts } from './bucket-client.ts'
import type { ObjectBody } from './object-body.ts'
import { S3Failure } from './s3-failure.ts'

export interface OpenedObject {
  readonly facts: ObjectFacts
  readonly range: ByteRange
  readonly body: ObjectBody
}

/**
 * Asks for the object, or the part of it.
 * @throws S3Failure; MediaError MEDIA_RANGE, MEDIA_BAD_INPUT, MEDIA_UNAVAILABLE `bad-answer`
 */
export async function openObject(
  bucket: Bucket,
  name: string,
  asked: ByteRange | undefined,
  frame: Frame,
): Promise<OpenedObject> {
  if (asked !== undefined) clampRange(asked, Number.MAX_SAFE_INTEGER) // refuses what is no range
  const header = asked === undefined ? undefined : `bytes=${asked.start}-${asked.endExclusive - 1}`
  const body = await bucket.client.getObject(name, header, frame)
  const { facts, start, lengthBytes } = body
  try {
    const range = clampRange(asked, facts.sizeBytes)
    if (start === range.start && lengthBytes === rangeBytes(range)) return { facts, range, body }
    throw new MediaError(
      'MEDIA_UNAVAILABLE',
      `${bucket.storeName}: asked for bytes ${range.start}-${range.endExclusive} of ${facts.sizeBytes}, the endpoint gives ${lengthBytes} from ${start}`,
      { reason: 'bad-answer' },
    )
  } catch (error) {
    body.discard()
    throw error
  }
}

/**
 * HEAD answers have no body, so 400 and 403 do not say why. A GET of one byte does.
 * @throws S3Failure
 */
export async function headObject(bucket: Bucket, name: string, frame: Frame): Promise<ObjectFacts> {
  try {
    return await bucket.client.headObject(name, frame)
  } catch (error) {
    const unexplained = error instanceof S3Failure && (error.status === 400 || error.status === 403)
    if (!unexplained) throw error
    const body = await bucket.client.getObject(name, 'bytes=0-0', frame)
    body.discard()
    throw error // HEAD is refused, GET is not: the policy says so
  }
}
