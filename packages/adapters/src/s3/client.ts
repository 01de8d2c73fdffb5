import { S3Client } from '@aws-sdk/client-s3'
import type { S3Connection } from './options.ts'

const CONNECT_TIMEOUT_MS = 5_000
const ANSWER_TIMEOUT_MS = 60_000
const MAX_SOCKETS = 256
const MAX_ATTEMPTS = 3

/** The host's client, or one of our own. */
export function clientOf(connection: S3Connection): { readonly client: S3Client; readonly isOurs: boolean } {
  if ('client' in connection) return { client: connection.client, isOurs: false }
  const { region, endpoint, credentials } = connection
  const isElsewhere = endpoint !== undefined
  const usedRegion = region ?? (isElsewhere ? 'us-east-1' : undefined)
  const sockets = { keepAlive: true, maxSockets: connection.maxSockets ?? MAX_SOCKETS }
  const client = new S3Client({
    ...(usedRegion === undefined ? {} : { region: usedRegion }),
    ...(endpoint === undefined ? {} : { endpoint: String(endpoint) }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle: connection.forcePathStyle ?? isElsewhere,
    maxAttempts: connection.maxAttempts ?? MAX_ATTEMPTS,
    // Checksums of its own in trailers and headers break other endpoints and presigned addresses; each request here says the
    // SHA-256 of its body, which is part of the signature.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Costs a round trip, and a connection that is used once.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: connection.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      requestTimeout: connection.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
      throwOnRequestTimeout: true,
      socketTimeout: 0, // a viewer who pauses is no stalled connection
      httpAgent: sockets,
      httpsAgent: sockets,
    },
  })
  return { client, isOurs: true }
}
