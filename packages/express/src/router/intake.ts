import type { IncomingMessage } from 'node:http'
import { MediaError } from '@mediakeep/core'
import { isMultipart } from '../multipart/boundary.ts'
import { type ClientBody, openClientBody } from './client-body.ts'
import type { HttpExchange } from './exchange.ts'

/**
 * Bodies are taken as they are. A coded one would have to be unpacked before it can be counted, and a bomb is small.
 * @throws MediaError MEDIA_TYPE_REFUSED `unsupported-content-encoding`
 */
export function checkCoding({ headers }: IncomingMessage): void {
  const coding = headers['content-encoding']
  if (coding === undefined || /^[ \t]*(?:identity)?[ \t]*$/i.test(coding)) return
  throw new MediaError('MEDIA_TYPE_REFUSED', 'bodies are taken without Content-Encoding', {
    reason: 'unsupported-content-encoding',
  })
}

/**
 * A body that says it is a part of something would become the whole of it, and what was there before be gone.
 * @throws MediaError MEDIA_BAD_INPUT `content-range`
 * @see RFC 9110 section 14.5
 */
export function checkWhole({ headers }: IncomingMessage): void {
  if (headers['content-range'] === undefined) return
  throw new MediaError('MEDIA_BAD_INPUT', 'a body is taken whole; send parts in chunks, or by tus', {
    reason: 'content-range',
  })
}

export function isForm({ headers }: IncomingMessage): boolean {
  return isMultipart(headers['content-type'])
}

/** The type a raw body is declared to have. "Some bytes" declares nothing: the bytes then tell. */
export function rawTypeOf({ headers }: IncomingMessage): string | undefined {
  const contentType = headers['content-type']
  if (isMultipart(contentType)) {
    throw new MediaError('MEDIA_TYPE_REFUSED', 'send the bytes themselves here; forms go to the collection', {
      reason: 'form-refused',
    })
  }
  return declaredType(contentType)
}

export function declaredType(contentType: string | undefined): string | undefined {
  if (contentType === undefined || contentType === '') return undefined
  return /^application\/octet-stream[ \t]*(?:;|$)/i.test(contentType) ? undefined : contentType
}

/** Opens the body under the router's limits; from here on its end decides whether the connection can go on. */
export function openBody(exchange: HttpExchange): ClientBody {
  const { request, settings } = exchange
  const body = openClientBody(request, {
    minBytesPerSecond: settings.minBodyBytesPerSecond,
    rateWindowMs: settings.bodyRateWindowMs,
  })
  exchange.body = body
  return body
}
