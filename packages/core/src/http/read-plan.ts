import type { ByteRange } from '../contracts/bytes.ts'
import type { Media, Visibility } from '../contracts/media.ts'
import { MediaError } from '../errors/media-error.ts'
import { CREDENTIAL_HEADERS, contentCacheControl } from './cache-control.ts'
import { holdsIfRange, weighReadConditions } from './conditions.ts'
import { formatHttpDate } from './dates.ts'
import { deliveredAs } from './delivered-as.ts'
import { etagOfDigest, formatEtag } from './etag.ts'
import { type HeaderList, headerOf, isHeaderValue, type RequestHeaders } from './headers.ts'
import { boundaryOf, planMultipart, type RangePart } from './multipart-ranges.ts'
import { contentRange, parseRange } from './ranges.ts'
import { CONTENT_SECURITY_POLICY, type ResourcePolicy } from './safety-headers.ts'

/** What is to be served. `entityOf` makes it from a record. */
export interface ReadEntity {
  /** Strong validator without quotes. Absent: conditions on tags never hold, several ranges are sent as the whole. */
  readonly etag?: string
  readonly modifiedAt: Date
  readonly sizeBytes: number
  /** The verified type, not the one the sender declared. */
  readonly contentType: string
  readonly filename: string
  readonly visibility: Visibility
}

export interface ReadRequest {
  readonly method: string
  readonly headers: RequestHeaders
}

export interface ReadPlanOptions {
  readonly nowMs: number
  /** Always as attachment. Default `false`. */
  readonly download?: boolean
  /** The address names these very bytes. Default `false`. */
  readonly immutable?: boolean
  /** A signature let the request in, and ends then. */
  readonly signatureExpiresAt?: Date
  /** Types shown in place. Default `INLINE_TYPES`. */
  readonly inlineTypes?: ReadonlySet<string>
  /** Default: `same-origin` for private media without a signature, else `cross-origin`. */
  readonly resourcePolicy?: ResourcePolicy
  /** Policy for the content opened by its own address. Default `CONTENT_SECURITY_POLICY`; one that is no header value counts as none. */
  readonly contentSecurityPolicy?: string
  /** Request headers that chose this answer besides the credentials: `Origin`, `Accept`. */
  readonly vary?: string
}

/** What to write after the headers. Ranges are half-open, to be read from the store. */
export type ReadBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole'; readonly range: ByteRange }
  | { readonly kind: 'range'; readonly range: ByteRange }
  /** `parts` in order, each `head` and then its bytes; `closing` last. */
  | { readonly kind: 'multipart'; readonly parts: readonly RangePart[]; readonly closing: string }
  /** Answer `problemAnswer(error, { headers })`. */
  | { readonly kind: 'problem'; readonly error: MediaError }

export interface ReadPlan {
  readonly status: 200 | 206 | 304 | 405 | 412 | 416
  readonly headers: HeaderList
  readonly body: ReadBody
}

const NO_BODY: ReadBody = { kind: 'none' }

/** The entity of a record as it stands. */
export function entityOf(media: Media): ReadEntity {
  const known = entities.get(media)
  if (known !== undefined) return known
  const { updatedAt: modifiedAt, sizeBytes, contentType, filename, visibility, digest, etag } = media
  const entity: ReadEntity = {
    modifiedAt,
    sizeBytes,
    contentType,
    filename,
    visibility,
    ...(digest === undefined ? {} : { etag: etagOfDigest(digest) }),
    ...(digest === undefined && etag !== undefined ? { etag } : {}),
  }
  entities.set(media, entity)
  return entity
}

/** Snapshots never change, and a catalog gives the same one for every read of a hot record. */
const entities = new WeakMap<Media, ReadEntity>()

/**
 * The whole answer to a GET or HEAD of a content, but for its bytes, `Date` and `X-Request-Id`.
 * The caller has settled that the asker may read it. Never throws; every header value can stand in a header.
 *
 * HEAD answers as GET without Range, with no body. A 304 has the validators and cache headers and none of the
 * content's. A 206 repeats the content's headers also under If-Range: media players rely on Content-Type there.
 * @see RFC 9110 sections 13.2.2, 14.2, 15.3.7, 15.4.5, 15.5.17
 */
export function planRead(request: ReadRequest, entity: ReadEntity, options: ReadPlanOptions): ReadPlan {
  const { method, headers } = request
  if (method !== 'GET' && method !== 'HEAD') {
    const error = new MediaError('MEDIA_METHOD', 'contents are read with GET or HEAD')
    return { status: 405, headers: ['Allow', 'GET, HEAD'], body: { kind: 'problem', error } }
  }
  const outcome = weighReadConditions(headers, entity, options.nowMs)
  if (outcome === 'failed') {
    const error = new MediaError('MEDIA_PRECONDITION', 'the content is not the one the request is about')
    return { status: 412, headers: [], body: { kind: 'problem', error } }
  }
  const list = commonHeaders(entity, options)
  if (outcome === 'not-modified') return { status: 304, headers: list, body: NO_BODY }

  const delivery = deliveredAs(entity, options)
  const { sizeBytes } = entity
  list.push('Accept-Ranges', 'bytes', 'Content-Disposition', delivery.disposition)

  const range = method === 'GET' ? headerOf(headers, 'range') : undefined
  if (range !== undefined && holdsIfRange(headerOf(headers, 'if-range'), entity, options.nowMs)) {
    const wanted = parseRange(range, sizeBytes)
    if (wanted.type === 'unsatisfiable') return unsatisfiable(sizeBytes)
    if (wanted.type === 'single') {
      list.push(
        'Content-Type',
        delivery.contentType,
        'Content-Length',
        String(wanted.range.endExclusive - wanted.range.start),
      )
      list.push('Content-Range', contentRange(wanted.range, sizeBytes))
      return { status: 206, headers: list, body: { kind: 'range', range: wanted.range } }
    }
    const boundary = wanted.type === 'multiple' ? boundaryOf(entity.etag) : undefined
    if (wanted.type === 'multiple' && boundary !== undefined) {
      const {
        parts,
        closing,
        sizeBytes: lengthBytes,
      } = planMultipart(wanted.ranges, delivery.contentType, sizeBytes, boundary)
      list.push(
        'Content-Type',
        `multipart/byteranges; boundary=${boundary}`,
        'Content-Length',
        String(lengthBytes),
      )
      return { status: 206, headers: list, body: { kind: 'multipart', parts, closing } }
    }
  }
  list.push('Content-Type', delivery.contentType, 'Content-Length', String(sizeBytes))
  if (method === 'HEAD') return { status: 200, headers: list, body: NO_BODY }
  return { status: 200, headers: list, body: { kind: 'whole', range: { start: 0, endExclusive: sizeBytes } } }
}

function unsatisfiable(sizeBytes: number): ReadPlan {
  const error = new MediaError('MEDIA_RANGE', `the content has ${sizeBytes} bytes`)
  const headers = ['Content-Range', `bytes */${sizeBytes}`, 'Accept-Ranges', 'bytes']
  return { status: 416, headers, body: { kind: 'problem', error } }
}

/** Headers of 200, 206 and 304 alike. */
function commonHeaders(entity: ReadEntity, options: ReadPlanOptions): string[] {
  const { visibility } = entity
  const { signatureExpiresAt, nowMs } = options
  const isSigned = signatureExpiresAt !== undefined
  const list = [
    'X-Content-Type-Options',
    'nosniff',
    'Content-Security-Policy',
    policyOf(options.contentSecurityPolicy),
    'Cross-Origin-Resource-Policy',
    options.resourcePolicy ?? (visibility === 'public' || isSigned ? 'cross-origin' : 'same-origin'),
    'Cache-Control',
    contentCacheControl(visibility, options),
    'Last-Modified',
    // A date in the future would make later changes look older than it. @see RFC 9110 section 8.8.2.1
    formatHttpDate(Math.min(entity.modifiedAt.getTime(), nowMs)),
  ]
  const etag = entity.etag === undefined ? undefined : formatEtag(entity.etag)
  if (etag !== undefined) list.push('ETag', etag)
  const vary = varyOf(visibility !== 'public' && !isSigned, options.vary)
  if (vary !== undefined) list.push('Vary', vary)
  return list
}

function policyOf(policy: string | undefined): string {
  return policy !== undefined && isHeaderValue(policy) ? policy : CONTENT_SECURITY_POLICY
}

/** A signature stands in the address, which is the key of every cache: nothing varies under it. */
function varyOf(byCredentials: boolean, more: string | undefined): string | undefined {
  if (!byCredentials) return more
  return more === undefined ? CREDENTIAL_HEADERS : `${CREDENTIAL_HEADERS}, ${more}`
}
