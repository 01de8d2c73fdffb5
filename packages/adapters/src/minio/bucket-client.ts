import type { StoredPart, WriteCondition } from '@mediakeep/core'
import { badAnswer, conditionHeaders, decodeListed, etagOf, partOf } from '../s3-protocol/answers.ts'
import type { BucketClient, ObjectFacts, ObjectHeaders, PendingUpload } from '../s3-protocol/bucket-client.ts'
import { createObjectBody } from '../s3-protocol/object-body.ts'
import { S3Failure } from '../s3-protocol/s3-failure.ts'
import type { Answer, Requests } from './request.ts'
import { bodyOf } from './text-body.ts'
import { childrenOf, escapeXml, textOf } from './xml.ts'

const MAX_UPLOAD_PAGES = 1000
/** Pages of a thousand parts: there are 10,000 at most, and an endpoint may give fewer a page. */
const MAX_PART_PAGES = 100

/** One bucket of a MinIO server, or of another that speaks S3, by requests that the `minio` client signs. */
export function createMinioBucketClient(
  requests: Requests,
  parts: Pick<BucketClient, 'sign' | 'close'>,
): BucketClient {
  return {
    ...parts,
    async putObject(key, body, headers, when, frame) {
      const answer = await requests.ask(
        { class: 'put', method: 'PUT', key, body, headers: { ...headersOf(headers), ...conditionsOf(when) } },
        frame,
      )
      return { etag: etagOf(answer.headers.etag), ...answeredAt(answer) }
    },
    async getObject(key, range, frame) {
      const answer = await requests.open({ class: 'get', method: 'GET', key, headers: { range } }, frame)
      try {
        const { headers } = answer
        const { start, lengthBytes, sizeBytes } = partOf(headers['content-range'], lengthOf(answer))
        return createObjectBody(
          answer.raw,
          { facts: factsOf(answer, sizeBytes), start, lengthBytes },
          answer.end,
        )
      } catch (error) {
        answer.raw.destroy()
        answer.end(0)
        throw error
      }
    },
    async headObject(key, frame) {
      const answer = await requests.ask({ class: 'head', method: 'HEAD', key }, frame)
      return factsOf(answer, lengthOf(answer) ?? 0)
    },
    async headBucket(frame) {
      try {
        await requests.ask({ class: 'other', method: 'HEAD' }, frame)
      } catch (error) {
        if (!(error instanceof S3Failure && error.status === 404)) throw error
        throw new S3Failure('NoSuchBucket', { status: 404, attempts: error.attempts, cause: error })
      }
    },
    async deleteObject(key, frame) {
      await requests.ask({ class: 'delete', method: 'DELETE', key }, frame)
    },
    async deleteObjects(keys, frame) {
      const objects = keys.map((key) => `<Object><Key>${escapeXml(key)}</Key></Object>`).join('')
      const { body, headers } = bodyOf(`<Delete><Quiet>true</Quiet>${objects}</Delete>`)
      const { xml } = await requests.ask(
        { class: 'delete', method: 'POST', query: { delete: '' }, body, headers },
        frame,
      )
      if (xml?.name !== 'DeleteResult') throw badAnswer('no DeleteResult')
      const errors = new Map<string, Error>()
      for (const error of childrenOf(xml, 'Error')) {
        const code = textOf(error, 'Code') ?? ''
        if (code !== 'NoSuchKey') errors.set(textOf(error, 'Key') ?? '', new S3Failure(code, { status: 200 }))
      }
      return errors
    },
    async listObjects({ prefix, limit, from }, frame) {
      const query = {
        'list-type': 2,
        'encoding-type': 'url', // XML cannot hold every key
        'max-keys': limit,
        prefix,
        ...(from === undefined
          ? {}
          : 'token' in from
            ? { 'continuation-token': from.token }
            : { 'start-after': from.startAfter }),
      }
      const { xml } = await requests.ask({ class: 'list', method: 'GET', query }, frame)
      if (xml?.name !== 'ListBucketResult') throw badAnswer('no ListBucketResult')
      const isEncoded = textOf(xml, 'EncodingType') === 'url'
      const objects = childrenOf(xml, 'Contents').map((entry) => ({
        key: decodeListed(textOf(entry, 'Key') ?? '', isEncoded),
        sizeBytes: Number(textOf(entry, 'Size')),
        etag: etagOf(textOf(entry, 'ETag')),
        modifiedAt: dateOf(textOf(entry, 'LastModified')),
      }))
      if (!objects.every(({ key, sizeBytes }) => key !== '' && Number.isSafeInteger(sizeBytes)))
        throw badAnswer('an object without key or size')
      const token = textOf(xml, 'NextContinuationToken')
      return {
        objects,
        isMore: textOf(xml, 'IsTruncated') === 'true',
        ...(token === undefined || token === '' ? {} : { token }),
      }
    },
    async createUpload(key, headers, frame) {
      const { xml } = await requests.ask(
        { class: 'multipart', method: 'POST', key, query: { uploads: '' }, headers: headersOf(headers) },
        frame,
      )
      const uploadId = textOf(xml, 'UploadId')
      if (uploadId === undefined || uploadId === '') throw badAnswer('no UploadId')
      return { key, uploadId }
    },
    async uploadPart({ key, uploadId }, number, body, frame) {
      const answer = await requests.ask(
        { class: 'part', method: 'PUT', key, query: { partNumber: number, uploadId }, body },
        frame,
      )
      return { number, etag: etagOf(answer.headers.etag) }
    },
    async completeUpload({ key, uploadId }, parts, when, frame) {
      const tags = parts.map(
        ({ number, etag }) =>
          `<Part><PartNumber>${number}</PartNumber><ETag>"${escapeXml(etag)}"</ETag></Part>`,
      )
      const { body, headers } = bodyOf(`<CompleteMultipartUpload>${tags.join('')}</CompleteMultipartUpload>`)
      const answer = await requests.ask(
        {
          class: 'multipart',
          method: 'POST',
          key,
          query: { uploadId },
          body,
          headers: { ...headers, ...conditionsOf(when) },
        },
        frame,
      )
      return { etag: etagOf(textOf(answer.xml, 'ETag')), ...answeredAt(answer) }
    },
    async listParts({ key, uploadId }, frame) {
      const parts: StoredPart[] = []
      let after: string | undefined
      for (let page = 0; page < MAX_PART_PAGES; page++) {
        const query = { uploadId, 'part-number-marker': after }
        const { xml } = await requests.ask({ class: 'list', method: 'GET', key, query }, frame)
        if (xml?.name !== 'ListPartsResult') throw badAnswer('no ListPartsResult')
        for (const entry of childrenOf(xml, 'Part'))
          parts.push({
            number: Number(textOf(entry, 'PartNumber')),
            sizeBytes: Number(textOf(entry, 'Size')),
            etag: etagOf(textOf(entry, 'ETag')),
          })
        after = textOf(xml, 'NextPartNumberMarker')
        if (textOf(xml, 'IsTruncated') !== 'true' || after === undefined) break
      }
      if (!parts.every(({ number, sizeBytes }) => number > 0 && Number.isSafeInteger(sizeBytes)))
        throw badAnswer('a part without number or size')
      return parts
    },
    async abortUpload({ key, uploadId }, frame) {
      await requests.ask({ class: 'abort', method: 'DELETE', key, query: { uploadId } }, frame)
    },
    async listUploads(prefix, frame) {
      const uploads: PendingUpload[] = []
      let after: Readonly<Record<string, string | undefined>> = {}
      for (let page = 0; page < MAX_UPLOAD_PAGES; page++) {
        const query = { uploads: '', prefix, 'encoding-type': 'url', ...after }
        const { xml } = await requests.ask({ class: 'list', method: 'GET', query }, frame)
        const isEncoded = textOf(xml, 'EncodingType') === 'url'
        for (const entry of childrenOf(xml, 'Upload')) {
          uploads.push({
            key: decodeListed(textOf(entry, 'Key') ?? '', isEncoded),
            uploadId: textOf(entry, 'UploadId') ?? '',
            initiatedAt: dateOf(textOf(entry, 'Initiated')),
          })
        }
        const next = textOf(xml, 'NextKeyMarker')
        if (textOf(xml, 'IsTruncated') !== 'true' || next === undefined) break
        after = {
          'key-marker': decodeListed(next, isEncoded),
          'upload-id-marker': textOf(xml, 'NextUploadIdMarker'),
        }
      }
      return uploads
    },
  }
}

function headersOf(headers: ObjectHeaders): Readonly<Record<string, string>> {
  const sent: Record<string, string> = {}
  if (headers.contentType !== undefined) sent['content-type'] = headers.contentType
  for (const [name, value] of Object.entries(headers.metadata)) sent[`x-amz-meta-${name}`] = value
  return sent
}

function conditionsOf(when: WriteCondition | undefined): Readonly<Record<string, string | undefined>> {
  const { IfNoneMatch, IfMatch } = conditionHeaders(when)
  return { 'if-none-match': IfNoneMatch, 'if-match': IfMatch }
}

function lengthOf({ headers }: Answer): number | undefined {
  const length = Number(headers['content-length'])
  return headers['content-length'] !== undefined && Number.isSafeInteger(length) ? length : undefined
}

function factsOf({ headers }: Answer, sizeBytes: number): ObjectFacts {
  const metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith('x-amz-meta-') && typeof value === 'string') metadata[name.slice(11)] = value
  const contentType = headers['content-type']
  return {
    sizeBytes,
    etag: etagOf(headers.etag),
    modifiedAt: dateOf(headers['last-modified']),
    ...(contentType === undefined ? {} : { contentType }),
    metadata,
  }
}

function dateOf(value: string | undefined): Date {
  const at = new Date(value ?? '')
  if (Number.isNaN(at.getTime())) throw badAnswer('no time that can be read')
  return at
}

function answeredAt({ headers }: Answer): { readonly answeredAt?: Date } {
  const at = new Date(headers.date ?? '')
  return Number.isNaN(at.getTime()) ? {} : { answeredAt: at }
}
