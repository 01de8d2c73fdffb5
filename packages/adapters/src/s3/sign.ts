import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { SignedRequest } from '@mediakeep/core'
import type { SignOptions } from '../s3-protocol/bucket-client.ts'
import { exactHeaders, lifeSecondsOf } from '../s3-protocol/signing.ts'
import type { Command } from './exchange.ts'

/** @throws MediaError MEDIA_BAD_INPUT `not-signable` */
export async function signRequest(
  client: S3Client,
  bucket: string,
  key: string,
  options: SignOptions,
): Promise<SignedRequest> {
  const { method, response } = options
  const expiresIn = lifeSecondsOf(options.expiresAt, Date.now())
  const target = { Bucket: bucket, Key: key }
  if (method !== 'PUT') {
    const input = {
      ...target,
      ResponseContentType: response?.contentType,
      ResponseContentDisposition: response?.disposition,
      ResponseCacheControl: response?.cacheControl,
    }
    const command = method === 'GET' ? new GetObjectCommand(input) : new HeadObjectCommand(input)
    return { method, url: new URL(await getSignedUrl(client, command, { expiresIn })), headers: {} }
  }
  const headers = exactHeaders(options.exact)
  const names = new Set(Object.keys(headers))
  const how = { expiresIn, unhoistableHeaders: names, signableHeaders: new Set([...names, 'host']) }
  const { part } = options
  if (part !== undefined) {
    const command = new UploadPartCommand({ ...target, UploadId: part.uploadId, PartNumber: part.number })
    sayExactly(command, headers)
    return { method, url: new URL(await getSignedUrl(client, command, how)), headers }
  }
  const command = new PutObjectCommand(target)
  sayExactly(command, headers)
  return { method, url: new URL(await getSignedUrl(client, command, how)), headers }
}

/** The request has these headers, and no checksum that the SDK would make of the empty body it sees here. */
function sayExactly<Input extends object, Output extends object>(
  command: Command<Input, Output>,
  headers: Readonly<Record<string, string>>,
): void {
  command.middlewareStack.add(
    (next) => (args) => {
      const { request } = args
      if (typeof request === 'object' && request !== null && 'headers' in request) {
        const all = request.headers as Record<string, string>
        for (const name of Object.keys(all)) if (/^x-amz-(sdk-)?checksum-/.test(name)) delete all[name]
        Object.assign(all, headers)
      }
      return next(args)
    },
    { step: 'build', priority: 'low', name: 'mediakeepExact' },
  )
}
