import type { ObjectHead } from '../contracts/object-store.ts'
import { MediaError } from '../errors/media-error.ts'
import { formatEtag, parseEtag } from './etag.ts'
import { type HeaderList, headerOf, type RequestHeaders } from './headers.ts'

/*
 * How objects go over HTTP between an object router and a store that talks to one.
 *
 * A key stands in the path, segment by segment percent-encoded, unless a proxy might normalise it: with an empty segment,
 * `.` or `..` it stands in the query as `key`. So no path ever needs to be resolved, and those that do are refused.
 * What HTTP has no exact field for (times in milliseconds, the type as it was given, metadata beyond ASCII) has one of its
 * own, percent-encoded. "Absent" is said by a field too: a 404 alone may come from any server on the way.
 */

/** The field of an answer that says what a 404 is about; its only value is `absent`. */
export const OBJECT_STATUS_HEADER = 'X-Object-Status'
/** Content type as it was given. */
export const OBJECT_TYPE_HEADER = 'X-Object-Type'
const MODIFIED_HEADER = 'X-Object-Modified-At'
const STORED_IN_HEADER = 'X-Object-Stored-In'
const META_PREFIX = 'x-object-meta-'

const MAX_PATH_LENGTH = 16_384

/** Path and query of an object below the path of its bucket. */
export function formatObjectPath(bucketPath: string, key: string): string {
  const segments = key.split('/')
  if (segments.some(isResolved)) return `${bucketPath}?key=${encodeURIComponent(key)}`
  return `${bucketPath}/${segments.map(encodeURIComponent).join('/')}`
}

/**
 * The key of a raw path below its bucket, as it stands on the request line.
 * @throws MediaError MEDIA_BAD_INPUT `bad-key` for dot segments, empty ones, encoded slashes, and what is not UTF-8
 */
export function parseObjectPath(rawPath: string): string {
  if (rawPath.length > MAX_PATH_LENGTH) throw badKey('is too long')
  const segments = rawPath.split('/').map(decode)
  if (segments.some(isResolved)) throw badKey('has a segment that is empty, "." or ".."; send it as ?key=')
  if (segments.some((segment) => segment.includes('/'))) throw badKey('has an encoded slash')
  return segments.join('/')
}

/** The key of a query; `undefined` when it names none. @throws MediaError MEDIA_BAD_INPUT `bad-key`, also when it names two */
export function parseObjectQuery(query: string): string | undefined {
  if (query.length > MAX_PATH_LENGTH) throw badKey('is too long')
  const named = query.split('&').filter((pair) => pair.startsWith('key='))
  if (named.length > 1) throw badKey('is given twice')
  return named[0] === undefined ? undefined : decode(named[0].slice('key='.length))
}

/** What headers of an answer say about the object, besides its length and dates. */
export function objectHeaders(head: ObjectHead): HeaderList {
  return [
    MODIFIED_HEADER,
    head.modifiedAt.toISOString(),
    ...(head.contentType === undefined ? [] : [OBJECT_TYPE_HEADER, encodeURIComponent(head.contentType)]),
    ...(head.storedIn === undefined ? [] : [STORED_IN_HEADER, encodeURIComponent(head.storedIn)]),
    ...metadataHeaders(head.metadata),
  ]
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-metadata` for a name that is no lower-case token */
export function metadataHeaders(metadata: Readonly<Record<string, string>> = {}): HeaderList {
  return Object.entries(metadata).flatMap(([name, value]) => {
    if (!/^[a-z0-9!#$%&'*+.^_`|~-]{1,128}$/.test(name)) throw badMetadata()
    return [META_PREFIX + name, encodeURIComponent(value)]
  })
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-metadata` */
export function parseObjectMetadata(headers: RequestHeaders): Readonly<Record<string, string>> | undefined {
  const names = Object.keys(headers).filter((name) => name.startsWith(META_PREFIX))
  if (names.length === 0) return undefined
  return Object.fromEntries(
    names.map((name) => [
      name.slice(META_PREFIX.length),
      decodeText(headerOf(headers, name) ?? '', badMetadata),
    ]),
  )
}

/** The content type a put declares, as it was given. @throws MediaError MEDIA_BAD_INPUT `bad-content-type` */
export function parseObjectType(headers: RequestHeaders): string | undefined {
  const encoded = headerOf(headers, OBJECT_TYPE_HEADER.toLowerCase())
  if (encoded === undefined) return headerOf(headers, 'content-type')
  return decodeText(encoded, () =>
    badInput('the content type is not percent-encoded UTF-8', 'bad-content-type'),
  )
}

/** The head that an answer tells; `undefined` when it is not the answer of an object router. */
export function parseObjectHead(
  key: string,
  headers: RequestHeaders,
  sizeBytes: number,
): ObjectHead | undefined {
  const etag = parseEtag(headerOf(headers, 'etag') ?? '')
  const modifiedAt = new Date(headerOf(headers, MODIFIED_HEADER.toLowerCase()) ?? '')
  if (etag === undefined || etag.weak || Number.isNaN(modifiedAt.getTime())) return undefined
  const type = headerOf(headers, OBJECT_TYPE_HEADER.toLowerCase())
  const storedIn = headerOf(headers, STORED_IN_HEADER.toLowerCase())
  try {
    const metadata = parseObjectMetadata(headers)
    return {
      key,
      sizeBytes,
      etag: etag.opaque,
      modifiedAt,
      ...(type === undefined ? {} : { contentType: decodeURIComponent(type) }),
      ...(metadata === undefined ? {} : { metadata }),
      ...(storedIn === undefined ? {} : { storedIn: decodeURIComponent(storedIn) }),
    }
  } catch {
    return undefined
  }
}

/** A head as JSON. */
export function objectJson(head: ObjectHead): Readonly<Record<string, unknown>> {
  return { ...head, modifiedAt: head.modifiedAt.toISOString() }
}

/** A head from JSON; `undefined` when it is none. */
export function parseObjectJson(value: unknown): ObjectHead | undefined {
  if (!isRecord(value)) return undefined
  const { key, sizeBytes, etag, modifiedAt, contentType, metadata, storedIn } = value
  if (typeof key !== 'string' || typeof etag !== 'string' || formatEtag(etag) === undefined) return undefined
  if (!Number.isSafeInteger(sizeBytes) || typeof sizeBytes !== 'number' || sizeBytes < 0) return undefined
  const modified = new Date(typeof modifiedAt === 'string' ? modifiedAt : '')
  if (Number.isNaN(modified.getTime())) return undefined
  return {
    key,
    sizeBytes,
    etag,
    modifiedAt: modified,
    ...(typeof contentType === 'string' ? { contentType } : {}),
    ...(isRecord(metadata) && Object.values(metadata).every((one) => typeof one === 'string')
      ? { metadata: Object.fromEntries(Object.entries(metadata).map(([name, one]) => [name, String(one)])) }
      : {}),
    ...(typeof storedIn === 'string' ? { storedIn } : {}),
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

/** What a proxy or a client may take away or resolve. */
function isResolved(segment: string): boolean {
  return segment === '' || segment === '.' || segment === '..'
}

function decode(text: string): string {
  return decodeText(text, () => badKey('is not percent-encoded UTF-8'))
}

function decodeText(text: string, fault: () => MediaError): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw fault()
  }
}

function badKey(why: string): MediaError {
  return badInput(`the key ${why}`, 'bad-key')
}

function badMetadata(): MediaError {
  return badInput('metadata has names of lower-case letters and percent-encoded values', 'bad-metadata')
}

function badInput(message: string, reason: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason })
}
