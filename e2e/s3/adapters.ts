import { minioStore } from '@mediakeep/adapters/minio'
import { type BucketStore, type BucketStoreOptions, s3Store } from '@mediakeep/adapters/s3'
import type { ObjectServer } from '../../scripts/lib/object-servers.mjs'
import { credentialsOf } from './servers.ts'

export type OpenOptions = BucketStoreOptions & {
  readonly server: ObjectServer
  /** Default: the server's own. */
  readonly endpoint?: string
  readonly paid?: boolean
  readonly maxAttempts?: number
  readonly answerTimeoutMs?: number
  readonly accessKeyId?: string
  readonly secretAccessKey?: string
}

export type OpenStore = (options: OpenOptions) => BucketStore

/** Both adapters, opened the same way: what one promises the other does. */
export const adapters: Readonly<Record<'s3Store' | 'minioStore', OpenStore>> = {
  s3Store: ({ server, accessKeyId, secretAccessKey, ...options }) =>
    s3Store({
      endpoint: server.endpoint,
      region: server.region,
      credentials: keysOf(server, accessKeyId, secretAccessKey),
      ...options,
    }),
  minioStore: ({ server, accessKeyId, secretAccessKey, ...options }) => {
    const keys = keysOf(server, accessKeyId, secretAccessKey)
    return minioStore({
      endpoint: server.endpoint,
      region: server.region,
      accessKey: keys.accessKeyId,
      secretKey: keys.secretAccessKey,
      ...options,
    })
  },
}

function keysOf(
  server: ObjectServer,
  accessKeyId: string | undefined,
  secretAccessKey: string | undefined,
): { accessKeyId: string; secretAccessKey: string } {
  const keys = credentialsOf(server)
  return {
    accessKeyId: accessKeyId ?? keys.accessKeyId,
    secretAccessKey: secretAccessKey ?? keys.secretAccessKey,
  }
}
