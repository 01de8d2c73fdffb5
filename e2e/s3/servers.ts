import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { describe } from 'vitest'
import {
  missingServer,
  type ObjectServer,
  type ObjectServerName,
  startMinio,
  startVersitygw,
} from '../../scripts/lib/object-servers.mjs'

const start: Readonly<Record<ObjectServerName, () => Promise<ObjectServer>>> = {
  minio: startMinio,
  versitygw: startVersitygw,
}

/** The server, started; undefined where it is not installed, which is an error in CI and printed elsewhere. */
export async function startServer(name: ObjectServerName): Promise<ObjectServer | undefined> {
  const reason = missingServer(name)
  if (reason === undefined) return start[name]()
  if (process.env['CI'] === 'true') throw new Error(reason)
  console.warn(`skipped: ${reason}`)
  return undefined
}

/** The SDK's own client of a server, for what tests look at behind the store's back. */
export function sdkOf(server: ObjectServer, endpoint: string = server.endpoint): S3Client {
  return new S3Client({
    endpoint,
    region: server.region,
    credentials: credentialsOf(server),
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}

export function credentialsOf(server: ObjectServer): { accessKeyId: string; secretAccessKey: string } {
  const { accessKeyId, secretAccessKey } = server
  return { accessKeyId, secretAccessKey }
}

export async function makeBucket(client: S3Client, bucket: string): Promise<string> {
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  return bucket
}

export const describeWith = (server: ObjectServer | undefined): typeof describe | typeof describe.skip =>
  server === undefined ? describe.skip : describe
