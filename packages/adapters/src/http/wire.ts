import type { IncomingMessage } from 'node:http'
import {
  type ByteRange,
  formatDigestField,
  formatEtag,
  MediaError,
  metadataHeaders,
  OBJECT_TYPE_HEADER,
  type ObjectHead,
  type PutObjectOptions,
  parseObjectHead,
} from '@mediakeep/core'

/** A batch of deletes is sent in requests of at most so many keys and bytes of JSON. */
const BATCH_KEYS = 1_000
const BATCH_LENGTH = 64 * 1024

/** What a put says besides its bytes. */
export function putHeaders({
  when,
  contentType,
  metadata,
  checksum,
}: PutObjectOptions): Record<string, string> {
  const etag = when?.type === 'match' ? formatEtag(when.etag) : undefined
  if (when?.type === 'match' && etag === undefined)
    throw new MediaError('MEDIA_PRECONDITION', 'no object has such an etag')
  const list = metadataHeaders(metadata)
  return {
    ...(when?.type === 'absent' ? { 'if-none-match': '*' } : {}),
    ...(etag === undefined ? {} : { 'if-match': etag }),
    ...(contentType === undefined ? {} : { [OBJECT_TYPE_HEADER]: encodeURIComponent(contentType) }),
    ...(checksum === undefined ? {} : { 'content-digest': formatDigestField(checksum) }),
    ...Object.fromEntries(list.flatMap((entry, at) => (at % 2 === 0 ? [[entry, list[at + 1] ?? '']] : []))),
  }
}

/** Head and range of an answer; `undefined` when it is not what was asked for. */
export function openedOf(
  key: string,
  message: IncomingMessage,
  wanted: ByteRange | undefined,
): { readonly head: ObjectHead; readonly range: ByteRange } | undefined {
  const isPart = wanted !== undefined
  if (message.statusCode !== (isPart ? 206 : 200)) return undefined
  const parts = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(message.headers['content-range'] ?? '')
  const sizeBytes = isPart ? Number(parts?.[3] ?? Number.NaN) : lengthOf(message)
  const head = parseObjectHead(key, message.headers, sizeBytes)
  if (head === undefined || !Number.isSafeInteger(sizeBytes)) return undefined
  const range = isPart
    ? { start: Number(parts?.[1]), endExclusive: Number(parts?.[2]) + 1 }
    : { start: 0, endExclusive: sizeBytes }
  if (
    isPart &&
    (range.start !== wanted.start || range.endExclusive !== Math.min(wanted.endExclusive, sizeBytes))
  )
    return undefined
  return { head, range }
}

/** Length that an answer declares; NaN when it declares none. */
export function lengthOf({ headers }: IncomingMessage): number {
  const length = headers['content-length']
  return length !== undefined && /^\d{1,16}$/.test(length) ? Number(length) : Number.NaN
}

/** Keys in batches that fit into one request. */
export function batchesOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
): readonly (readonly Item[])[] {
  const batches: Item[][] = []
  let length = BATCH_LENGTH
  for (const item of items) {
    const itemLength = Buffer.byteLength(JSON.stringify(keyOf(item))) + 1
    length += itemLength
    const last = batches.at(-1)
    if (last === undefined || length > BATCH_LENGTH || last.length >= BATCH_KEYS) {
      batches.push([item])
      length = itemLength
    } else last.push(item)
  }
  return batches
}
