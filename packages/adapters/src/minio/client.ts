import { createHash } from 'node:crypto'
import { badOption, createRequestSigner, escapeUri, presignedQuery } from '@mediakeep/core'
import { Client } from 'minio'
import type { BucketClient } from '../s3-protocol/bucket-client.ts'
import type { BucketAdmin } from '../s3-protocol/set-up.ts'
import { exactHeaders, lifeSecondsOf } from '../s3-protocol/signing.ts'
import { createMinioAdmin } from './admin.ts'
import { createMinioBucketClient } from './bucket-client.ts'
import type { MinioConnection } from './options.ts'
import { createRequests, type Requests, type SendOnce } from './request.ts'
import { createTransport } from './transport.ts'

const MAX_ATTEMPTS = 3
const ANSWER_TIMEOUT_MS = 60_000
const MAX_SOCKETS = 256
const EMPTY_SHA256 = createHash('sha256').digest('hex')
/** Every status is an answer to us; the client would read the others as errors and lose them. */
const EVERY_STATUS = Array.from({ length: 500 }, (_, index) => 100 + index)

export interface Connected {
  readonly client: Client
  readonly bucketClient: BucketClient
  readonly admin: BucketAdmin<string>
  readonly requests: Requests
  readonly host: string
}

/** @throws MediaError MEDIA_BAD_INPUT `bad-option` */
export function connect(connection: MinioConnection, bucket: string): Connected {
  const { accessKey, secretKey, sessionToken, region = 'us-east-1', pathStyle = true } = connection
  const url = endpointOf(connection.endpoint)
  const isSecure = url.protocol === 'https:'
  const transport = createTransport({
    isSecure,
    maxSockets: connection.maxSockets ?? MAX_SOCKETS,
    answerTimeoutMs: connection.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
  })
  const client = new Client({
    endPoint: url.hostname,
    ...(url.port === '' ? {} : { port: Number(url.port) }),
    useSSL: isSecure,
    accessKey,
    secretKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    region,
    pathStyle,
    transport: { request: transport.request },
    transportAgent: transport.agent,
    retryOptions: { disableRetry: true },
  })
  client.enableSHA256 = true // over TLS it would leave bodies unsigned

  const sendOnce: SendOnce = ({ method, key, query, headers, body, isPatient = false }, signal) =>
    transport.pass({ signal, isPatient }, () => {
      const bytes =
        body === undefined ? '' : Buffer.from(body.bytes.buffer, body.bytes.byteOffset, body.bytes.byteLength)
      const search = Object.entries(query ?? {}).flatMap(([name, value]) =>
        valuesOf(value).map((each) => `${escapeUri(name)}=${escapeUri(each)}`),
      )
      const given = Object.entries(headers ?? {}).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      )
      const length = method === 'PUT' || method === 'POST' ? { 'content-length': String(bytes.length) } : {}
      return client.makeRequestStreamAsync(
        {
          method,
          bucketName: bucket,
          headers: { ...Object.fromEntries(given), ...length },
          ...(key === undefined ? {} : { objectName: key }),
          ...(search.length === 0 ? {} : { query: search.sort().join('&') }),
        },
        bytes,
        body?.sha256 ?? EMPTY_SHA256,
        EVERY_STATUS,
        region,
      )
    })
  const requests = createRequests(sendOnce, connection.maxAttempts ?? MAX_ATTEMPTS)

  const signer = createRequestSigner(
    { accessKey, secretKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    region,
  )
  const sign: BucketClient['sign'] = async (key, options) => {
    const { method, response, exact, expiresAt, part } = options
    const at = new Date()
    const path = key.split('/').map(escapeUri).join('/')
    const host = pathStyle ? url.host : `${bucket}.${url.host}`
    const target = new URL(`${url.protocol}//${host}`)
    target.pathname = pathStyle ? `/${bucket}/${path}` : `/${path}`
    const query: Record<string, string> = {}
    if (method !== 'PUT') {
      if (response?.contentType !== undefined) query['response-content-type'] = response.contentType
      if (response?.disposition !== undefined) query['response-content-disposition'] = response.disposition
      if (response?.cacheControl !== undefined) query['response-cache-control'] = response.cacheControl
    }
    if (part !== undefined) {
      query['partNumber'] = String(part.number)
      query['uploadId'] = part.uploadId
    }
    const headers = method === 'PUT' ? exactHeaders(exact) : {}
    const lifeSeconds = lifeSecondsOf(expiresAt, at.getTime())
    const { host: signedHost, pathname } = target
    const signed = { method, host: signedHost, path: pathname, query, headers, at, lifeSeconds }
    return { method, url: new URL(`${target.origin}${pathname}?${presignedQuery(signer, signed)}`), headers }
  }

  return {
    client,
    requests,
    admin: createMinioAdmin(requests, region),
    bucketClient: createMinioBucketClient(requests, { sign, close: transport.close }),
    host: url.host,
  }
}

function endpointOf(endpoint: string | URL): URL {
  const url = URL.canParse(String(endpoint)) ? new URL(endpoint) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.search === '')
    return url
  throw badOption(`minio: the endpoint is no http or https address without a path`)
}

function valuesOf(value: string | number | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return []
  return typeof value === 'object' ? value : [String(value)]
}
