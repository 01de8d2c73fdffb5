import { type ListObjectsOptions, MediaError, type ObjectPage } from '@mediakeep/core'
import { type Bucket, wholeSecond } from './bucket.ts'
import type { Frame } from './bucket-client.ts'

const MAX_PAGE = 1000
const CURSOR_VERSION = 'a'

/** The cursor is the last key, so that it outlives the endpoint's own tokens and works in every process. */
export async function listPage(
  bucket: Bucket,
  options: ListObjectsOptions,
  frame: Frame,
): Promise<ObjectPage> {
  const { prefix = '', cursor, limit = MAX_PAGE } = options
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE))
    throw refuse(bucket, `the limit ${limit} is not from 1 to ${MAX_PAGE}`, 'bad-limit')
  const { layout } = bucket
  const after = cursor === undefined ? undefined : parseCursor(bucket, cursor)
  const { objects, isMore } = await bucket.client.listObjects(
    {
      prefix: `${layout.objects}${prefix}`,
      limit,
      ...(after === undefined ? {} : { startAfter: `${layout.objects}${after}` }),
    },
    frame,
  )
  const heads = objects.map(({ key, modifiedAt, sizeBytes, etag }) => ({
    key: layout.keyOf(key),
    sizeBytes,
    etag,
    modifiedAt: wholeSecond(modifiedAt),
  }))
  if (!isMore) return { objects: heads }
  const last = heads.at(-1)?.key
  if (last !== undefined) return { objects: heads, cursor: formatCursor(last) }
  throw new MediaError('MEDIA_UNAVAILABLE', `${bucket.storeName}: an empty page that is not the last`, {
    reason: 'bad-answer',
  })
}

function formatCursor(key: string): string {
  return `${CURSOR_VERSION}${Buffer.from(key).toString('base64url')}`
}

function parseCursor(bucket: Bucket, cursor: string): string {
  const key = Buffer.from(cursor.slice(1), 'base64url').toString()
  if (key === '' || formatCursor(key) !== cursor)
    throw refuse(bucket, 'the cursor is not one of its own', 'bad-cursor')
  return key
}

function refuse(bucket: Bucket, what: string, reason: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `${bucket.storeName}: ${what}`, { reason })
}
