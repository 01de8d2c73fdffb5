import { MediaError, type WriteCondition } from '@mediakeep/core'
import type { ObjectFacts } from './bucket-client.ts'

export function etagOf(value: string | undefined): string {
  const etag = value?.replace(/^(W\/)?"?/, '').replace(/"$/, '') ?? ''
  if (etag === '') throw badAnswer('no ETag')
  return etag
}

/** What an answer to HEAD or GET tells, the size aside. */
export function factsOf(
  answer: {
    readonly ETag?: string | undefined
    readonly LastModified?: Date | undefined
    readonly ContentType?: string | undefined
    readonly Metadata?: Record<string, string> | undefined
  },
  sizeBytes: number,
): ObjectFacts {
  if (answer.LastModified === undefined) throw badAnswer('no Last-Modified')
  return {
    sizeBytes,
    etag: etagOf(answer.ETag),
    modifiedAt: answer.LastModified,
    ...(answer.ContentType === undefined ? {} : { contentType: answer.ContentType }),
    metadata: answer.Metadata ?? {},
  }
}

export function badAnswer(what: string): MediaError {
  return new MediaError('MEDIA_UNAVAILABLE', `the endpoint's answer has ${what}`, { reason: 'bad-answer' })
}

/** What part of the object an answer to GET holds: all of it, or what `Content-Range` says. */
export function partOf(
  contentRange: string | undefined,
  lengthBytes: number | undefined,
): { readonly start: number; readonly lengthBytes: number; readonly sizeBytes: number } {
  if (contentRange === undefined) {
    if (lengthBytes === undefined) throw badAnswer('no Content-Length')
    return { start: 0, lengthBytes, sizeBytes: lengthBytes }
  }
  const match = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange)
  if (match === null) throw badAnswer('no Content-Range that can be read')
  const [start, end, sizeBytes] = match.slice(1).map(Number)
  if (start === undefined || end === undefined || sizeBytes === undefined || end < start)
    throw badAnswer('no Content-Range that can be read')
  return { start, lengthBytes: end - start + 1, sizeBytes }
}

/** A key as a list with `encoding-type=url` writes it. */
export function decodeListed(value: string, isEncoded: boolean): string {
  return isEncoded ? decodeURIComponent(value.replaceAll('+', ' ')) : value
}

/** Conditions of a write as headers. */
export function conditionHeaders(when: WriteCondition | undefined): {
  readonly IfNoneMatch?: string
  readonly IfMatch?: string
} {
  if (when === undefined) return {}
  return when.type === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: `"${when.etag}"` }
}
