import { type ListObjectsOptions, MediaError, type ObjectPage } from '@mediakeep/core'
import { type Bucket, wholeSecond } from './bucket.ts'
import type { Frame, Listing } from './bucket-client.ts'
import { S3Failure } from './s3-failure.ts'

const MAX_PAGE = 1000
const CURSOR_VERSION = 'a'

/**
 * Where a listing goes on: after a key, and in the endpoint's own words. MinIO needs the words: asked to start after `photos/x`, it
 * counts what begins by `photos-` and `photos.` towards the page although it lies before, and says of a page that came out short or
 * empty that it was the last. The key stands in where an endpoint gives no token or takes it no more.
 */
interface Position {
  readonly after: string
  readonly token?: string
}

/** The cursor works in every process. */
export async function listPage(
  bucket: Bucket,
  options: ListObjectsOptions,
  frame: Frame,
): Promise<ObjectPage> {
  const { prefix = '', cursor, limit = MAX_PAGE } = options
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE))
    throw refuse(bucket, `the limit ${limit} is not from 1 to ${MAX_PAGE}`, 'bad-limit')
  const { layout } = bucket
  const position = cursor === undefined ? undefined : parseCursor(bucket, cursor)
  const asked = { prefix: `${layout.objects}${prefix}`, limit }
  const { objects, isMore, token } = await goOn(bucket, asked, position, frame)
  const heads = objects.map(({ key, modifiedAt, sizeBytes, etag }) => ({
    key: layout.keyOf(key),
    sizeBytes,
    etag,
    modifiedAt: wholeSecond(modifiedAt),
  }))
  if (!isMore) return { objects: heads }
  const after = heads.at(-1)?.key
  if (after !== undefined)
    return { objects: heads, cursor: formatCursor({ after, ...(token === undefined ? {} : { token }) }) }
  throw new MediaError('MEDIA_UNAVAILABLE', `${bucket.storeName}: an empty page that is not the last`, {
    reason: 'bad-answer',
  })
}

async function goOn(
  { client, layout }: Bucket,
  asked: { readonly prefix: string; readonly limit: number },
  position: Position | undefined,
  frame: Frame,
): Promise<Listing> {
  if (position === undefined) return client.listObjects(asked, frame)
  const { after, token } = position
  try {
    if (token !== undefined) return await client.listObjects({ ...asked, from: { token } }, frame)
  } catch (error) {
    if (!(error instanceof S3Failure && error.status === 400)) throw error
  }
  return client.listObjects({ ...asked, from: { startAfter: `${layout.objects}${after}` } }, frame)
}

function formatCursor({ after, token }: Position): string {
  const words = token === undefined ? '' : `.${encode(token)}`
  return `${CURSOR_VERSION}${encode(after)}${words}`
}

function parseCursor(bucket: Bucket, cursor: string): Position {
  const [key = '', words] = cursor.slice(1).split('.')
  const position = { after: decode(key), ...(words === undefined ? {} : { token: decode(words) }) }
  if (position.after === '' || position.token === '' || formatCursor(position) !== cursor)
    throw refuse(bucket, 'the cursor is not one of its own', 'bad-cursor')
  return position
}

const encode = (text: string): string => Buffer.from(text).toString('base64url')
const decode = (text: string): string => Buffer.from(text, 'base64url').toString()

function refuse(bucket: Bucket, what: string, reason: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `${bucket.storeName}: ${what}`, { reason })
}
