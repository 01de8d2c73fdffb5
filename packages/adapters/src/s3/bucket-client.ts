import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { AttemptClass, StoredPart } from '@mediakeep/core'
import { badAnswer, conditionHeaders, decodeListed, etagOf, factsOf, partOf } from '../s3-protocol/answers.ts'
import type { BucketClient, Frame, PendingUpload } from '../s3-protocol/bucket-client.ts'
import { createObjectBody } from '../s3-protocol/object-body.ts'
import { S3Failure } from '../s3-protocol/s3-failure.ts'
import { type Answered, type Command, exchange } from './exchange.ts'
import { signRequest } from './sign.ts'

/** Most uploads that one look for stale ones goes through. */
const MAX_UPLOAD_PAGES = 1000
/** Pages of a thousand parts: there are 10,000 at most, and an endpoint may give fewer a page. */
const MAX_PART_PAGES = 100

/** One bucket by the AWS SDK. */
export function createSdkBucketClient(client: S3Client, bucket: string, isOurs: boolean): BucketClient {
  const Bucket = bucket

  function run<Input extends object, Output extends object>(
    command: Command<Input, Output>,
    attemptClass: AttemptClass,
    frame: Frame,
    work: () => Promise<Output>,
    sentBytes = 0,
  ): Promise<Answered<Output>> {
    return exchange(command, { class: attemptClass, frame, sentBytes, hasBody: attemptClass === 'get' }, work)
  }
  const optionsOf = (frame: Frame): { abortSignal: AbortSignal } => ({ abortSignal: frame.signal })

  return {
    async putObject(key, body, headers, when, frame) {
      const command = new PutObjectCommand({
        Bucket,
        Key: key,
        Body: body.bytes,
        ContentLength: body.bytes.byteLength,
        ContentType: headers.contentType,
        Metadata: { ...headers.metadata },
        ...conditionHeaders(when),
      })
      sayDigest(command, body.sha256)
      const { output, headers: answer } = await run(
        command,
        'put',
        frame,
        () => client.send(command, optionsOf(frame)),
        body.bytes.byteLength,
      )
      return { etag: etagOf(output.ETag), ...answeredAt(answer) }
    },
    async getObject(key, range, frame) {
      const command = new GetObjectCommand({ Bucket, Key: key, Range: range })
      const { output, end } = await run(command, 'get', frame, () => client.send(command, optionsOf(frame)))
      const { Body: raw } = output
      if (!(raw instanceof Readable)) throw badAnswer('no body that can be read')
      try {
        const { start, lengthBytes, sizeBytes } = partOf(output.ContentRange, output.ContentLength)
        return createObjectBody(raw, { facts: factsOf(output, sizeBytes), start, lengthBytes }, end)
      } catch (error) {
        raw.destroy()
        end(0)
        throw error
      }
    },
    async headObject(key, frame) {
      const command = new HeadObjectCommand({ Bucket, Key: key })
      const { output } = await run(command, 'head', frame, () => client.send(command, optionsOf(frame)))
      return factsOf(output, output.ContentLength ?? 0)
    },
    async headBucket(frame) {
      const command = new HeadBucketCommand({ Bucket })
      try {
        await run(command, 'other', frame, () => client.send(command, optionsOf(frame)))
      } catch (error) {
        if (!(error instanceof S3Failure && error.status === 404)) throw error
        throw new S3Failure('NoSuchBucket', { status: 404, attempts: error.attempts, cause: error })
      }
    },
    async deleteObject(key, frame) {
      const command = new DeleteObjectCommand({ Bucket, Key: key })
      await run(command, 'delete', frame, () => client.send(command, optionsOf(frame)))
    },
    async deleteObjects(keys, frame) {
      const command = new DeleteObjectsCommand({
        Bucket,
        Delete: { Quiet: true, Objects: keys.map((Key) => ({ Key })) },
      })
      const { output } = await run(command, 'delete', frame, () => client.send(command, optionsOf(frame)))
      const errors = new Map<string, Error>()
      for (const { Key = '', Code = '' } of output.Errors ?? [])
        if (Code !== 'NoSuchKey') errors.set(Key, new S3Failure(Code, { status: 200 }))
      return errors
    },
    async listObjects({ prefix, limit, from }, frame) {
      const command = new ListObjectsV2Command({
        Bucket,
        Prefix: prefix,
        ...(from === undefined
          ? {}
          : 'token' in from
            ? { ContinuationToken: from.token }
            : { StartAfter: from.startAfter }),
        MaxKeys: limit,
        EncodingType: 'url', // XML cannot hold every key
      })
      const { output } = await run(command, 'list', frame, () => client.send(command, optionsOf(frame)))
      const isEncoded = output.EncodingType === 'url'
      const objects = (output.Contents ?? []).map(({ Key, Size, ETag, LastModified }) => {
        if (Key === undefined || Size === undefined || LastModified === undefined)
          throw badAnswer('an object without key, size or time')
        const key = decodeListed(Key, isEncoded)
        return { key, sizeBytes: Size, etag: etagOf(ETag), modifiedAt: LastModified }
      })
      const { IsTruncated, NextContinuationToken: token } = output
      return { objects, isMore: IsTruncated === true, ...(token === undefined ? {} : { token }) }
    },
    async createUpload(key, headers, frame) {
      const command = new CreateMultipartUploadCommand({
        Bucket,
        Key: key,
        ContentType: headers.contentType,
        Metadata: { ...headers.metadata },
      })
      const { output } = await run(command, 'multipart', frame, () => client.send(command, optionsOf(frame)))
      if (output.UploadId === undefined) throw badAnswer('no UploadId')
      return { key, uploadId: output.UploadId }
    },
    async uploadPart({ key, uploadId }, number, body, frame) {
      const command = new UploadPartCommand({
        Bucket,
        Key: key,
        UploadId: uploadId,
        PartNumber: number,
        Body: body.bytes,
        ContentLength: body.bytes.byteLength,
      })
      sayDigest(command, body.sha256)
      const { output } = await run(
        command,
        'part',
        frame,
        () => client.send(command, optionsOf(frame)),
        body.bytes.byteLength,
      )
      return { number, etag: etagOf(output.ETag) }
    },
    async completeUpload({ key, uploadId }, parts, when, frame) {
      const command = new CompleteMultipartUploadCommand({
        Bucket,
        Key: key,
        UploadId: uploadId,
        MultipartUpload: {
          Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: `"${etag}"` })),
        },
        ...conditionHeaders(when),
      })
      const { output, headers } = await run(command, 'multipart', frame, () =>
        client.send(command, optionsOf(frame)),
      )
      return { etag: etagOf(output.ETag), ...answeredAt(headers) }
    },
    async listParts({ key, uploadId }, frame) {
      const parts: StoredPart[] = []
      let after: string | undefined
      for (let page = 0; page < MAX_PART_PAGES; page++) {
        const command = new ListPartsCommand({
          Bucket,
          Key: key,
          UploadId: uploadId,
          ...(after === undefined ? {} : { PartNumberMarker: after }),
        })
        const { output } = await run(command, 'list', frame, () => client.send(command, optionsOf(frame)))
        for (const { PartNumber, Size, ETag } of output.Parts ?? []) {
          if (PartNumber === undefined || Size === undefined) throw badAnswer('a part without number or size')
          parts.push({ number: PartNumber, sizeBytes: Size, etag: etagOf(ETag) })
        }
        after = output.NextPartNumberMarker
        if (output.IsTruncated !== true || after === undefined) break
      }
      return parts
    },
    async abortUpload({ key, uploadId }, frame) {
      const command = new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: uploadId })
      await run(command, 'abort', frame, () => client.send(command, optionsOf(frame)))
    },
    async listUploads(prefix, frame) {
      const uploads: PendingUpload[] = []
      let after: { KeyMarker?: string; UploadIdMarker?: string } = {}
      for (let page = 0; page < MAX_UPLOAD_PAGES; page++) {
        const command = new ListMultipartUploadsCommand({
          Bucket,
          Prefix: prefix,
          EncodingType: 'url',
          ...after,
        })
        const { output } = await run(command, 'list', frame, () => client.send(command, optionsOf(frame)))
        const isEncoded = output.EncodingType === 'url'
        for (const { Key, UploadId, Initiated } of output.Uploads ?? []) {
          if (Key === undefined || UploadId === undefined || Initiated === undefined) continue
          uploads.push({ key: decodeListed(Key, isEncoded), uploadId: UploadId, initiatedAt: Initiated })
        }
        const { NextKeyMarker, NextUploadIdMarker } = output
        if (output.IsTruncated !== true || NextKeyMarker === undefined) break
        after = {
          KeyMarker: decodeListed(NextKeyMarker, isEncoded),
          ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker }),
        }
      }
      return uploads
    },
    sign: (key, options) => signRequest(client, bucket, key, options),
    close() {
      if (isOurs) client.destroy()
    },
  }
}

/** The signature covers the body by its SHA-256, which was made while the body was read: the endpoint compares both. */
function sayDigest<Input extends object, Output extends object>(
  command: Command<Input, Output>,
  sha256: string,
): void {
  command.middlewareStack.add(
    (next) => (args) => {
      Object.assign(headersOf(args.request), { 'x-amz-content-sha256': sha256 })
      return next(args)
    },
    { step: 'build', priority: 'low', name: 'mediakeepDigest' },
  )
}

function headersOf(request: unknown): object {
  if (typeof request === 'object' && request !== null && 'headers' in request) {
    const { headers } = request
    if (typeof headers === 'object' && headers !== null) return headers
  }
  throw new TypeError('the SDK gives no request of HTTP')
}

function answeredAt(headers: Readonly<Record<string, string>>): { readonly answeredAt?: Date } {
  const at = new Date(headers['date'] ?? '')
  return Number.isNaN(at.getTime()) ? {} : { answeredAt: at }
}
