import { type FsStore, fsStore } from '@mediakeep/adapters/fs'
import type { MinioStore } from '@mediakeep/adapters/minio'
import type { S3Store } from '@mediakeep/adapters/s3'
import { MediaError, type MemoryStore, memoryStore, type ObjectStore } from '@mediakeep/core'
import type { StoreAddress } from './address.ts'
import { type Environment, minioCredentials, proxyToken, s3Credentials } from './credentials.ts'
import { foreignHttpBucket, httpVolume } from './http-volume.ts'
import { loadWithPeers } from './missing-peer.ts'

export interface CreateStoreOptions {
  /** Where credentials come from. */
  readonly env: Environment
  /** For credentials of its own, and as the store's name in errors. */
  readonly tier?: string
  /** Of somebody else: nothing is ever written. Default false. */
  readonly readOnly?: boolean
  /** Makes a volume where there is none. Default true. */
  readonly create?: boolean
  /** Its calls or bytes cost money. Default: the adapter's. */
  readonly paid?: boolean
  readonly durability?: 'none' | 'file' | 'durable'
  readonly stagingBudgetBytes?: number
}

export type CreatedStore =
  | { readonly kind: 'file'; readonly store: FsStore }
  | { readonly kind: 'bucket'; readonly store: S3Store | MinioStore }
  | { readonly kind: 'remote'; readonly store: ObjectStore }
  | { readonly kind: 'memory'; readonly store: MemoryStore }

/**
 * The store at an address. Opens nothing; a vendor's packages are loaded when the first store needs them.
 * @throws MediaError MEDIA_BAD_INPUT `missing-credentials` `example-credentials`, MEDIA_UNSUPPORTED `missing-peer`
 */
export async function createStore(address: StoreAddress, options: CreateStoreOptions): Promise<CreatedStore> {
  const { env, tier, readOnly = false, create = true } = options
  const paid = options.paid === undefined ? {} : { paid: options.paid }
  const shared = { ...(tier === undefined ? {} : { name: tier }), create }
  switch (address.scheme) {
    case 'file': {
      if (readOnly)
        throw new MediaError('MEDIA_UNSUPPORTED', 'a folder cannot be an external store; import it', {
          reason: 'not-external',
        })
      const { durability, stagingBudgetBytes } = options
      const store = fsStore({
        ...shared,
        root: address.folder,
        ...(durability === undefined ? {} : { durability }),
        ...(stagingBudgetBytes === undefined ? {} : { stagingBudgetBytes }),
      })
      return { kind: 'file', store }
    }
    case 's3': {
      const { bucket, prefix, endpoint, region, conditionalPut } = address
      const credentials = s3Credentials(endpoint, tier, env)
      const usedRegion = region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']
      const { s3Store } = await loadWithPeers(
        's3',
        ['@aws-sdk/client-s3', '@aws-sdk/s3-request-presigner'],
        () => import('@mediakeep/adapters/s3'),
      )
      const store = s3Store({
        ...shared,
        ...paid,
        bucket,
        prefix,
        readOnly,
        ...(endpoint === undefined ? {} : { endpoint }),
        ...(usedRegion === undefined || usedRegion === '' ? {} : { region: usedRegion }),
        ...(conditionalPut === undefined ? {} : { conditionalPut }),
        ...(credentials === undefined
          ? {}
          : {
              credentials: {
                accessKeyId: credentials.accessKey,
                secretAccessKey: credentials.secretKey,
                ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
              },
            }),
      })
      return { kind: 'bucket', store }
    }
    case 'minio': {
      const { endpoint, bucket, prefix, region } = address
      const { accessKey, secretKey } = minioCredentials(endpoint, tier, env)
      const { minioStore } = await loadWithPeers(
        'minio',
        ['minio'],
        () => import('@mediakeep/adapters/minio'),
      )
      const store = minioStore({
        ...shared,
        ...paid,
        endpoint,
        accessKey,
        secretKey,
        bucket,
        prefix,
        readOnly,
        ...(region === undefined ? {} : { region }),
      })
      return { kind: 'bucket', store }
    }
    case 'http': {
      const { httpStore } = await import('@mediakeep/adapters/http')
      const token = proxyToken(tier, env)
      const bucket = httpStore({
        url: address.url,
        ...(tier === undefined ? {} : { name: tier }),
        ...(token === undefined ? {} : { token }),
        // What another instance acknowledges it has stored; what its own store promises cannot be asked for.
        traits: { durability: 'durable', ...paid },
      })
      const store = readOnly ? foreignHttpBucket(bucket, address.url) : httpVolume(bucket, { create })
      return { kind: 'remote', store }
    }
    case 'memory':
      return { kind: 'memory', store: memoryStore({ ...(tier === undefined ? {} : { name: tier }) }) }
  }
}
