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
  const { tier } = options
  switch (address.scheme) {
    case 'file':
      return { kind: 'file', store: fileStore(address, options) }
    case 's3':
      return { kind: 'bucket', store: await s3StoreAt(address, options) }
    case 'minio':
      return { kind: 'bucket', store: await minioStoreAt(address, options) }
    case 'http':
      return { kind: 'remote', store: await httpStoreAt(address, options) }
    case 'memory':
      return { kind: 'memory', store: memoryStore({ ...(tier === undefined ? {} : { name: tier }) }) }
  }
}

type AddressOf<Scheme extends StoreAddress['scheme']> = Extract<StoreAddress, { readonly scheme: Scheme }>

/** What adapters of folders and buckets have in common. */
function volumeOptions({ tier, create = true }: CreateStoreOptions): {
  readonly name?: string
  readonly create: boolean
} {
  return { ...(tier === undefined ? {} : { name: tier }), create }
}

function fileStore({ folder }: AddressOf<'file'>, options: CreateStoreOptions): FsStore {
  const { readOnly = false, durability, stagingBudgetBytes } = options
  if (readOnly)
    throw new MediaError('MEDIA_UNSUPPORTED', 'a folder cannot be an external store; import it', {
      reason: 'not-external',
    })
  return fsStore({
    ...volumeOptions(options),
    root: folder,
    ...(durability === undefined ? {} : { durability }),
    ...(stagingBudgetBytes === undefined ? {} : { stagingBudgetBytes }),
  })
}

async function s3StoreAt(address: AddressOf<'s3'>, options: CreateStoreOptions): Promise<S3Store> {
  const { bucket, prefix, endpoint, region, conditionalPut } = address
  const { env, tier, readOnly = false, paid } = options
  const credentials = s3Credentials(endpoint, tier, env)
  const usedRegion = region ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION']
  const { s3Store } = await loadWithPeers(
    's3',
    ['@aws-sdk/client-s3', '@aws-sdk/s3-request-presigner'],
    () => import('@mediakeep/adapters/s3'),
  )
  return s3Store({
    ...volumeOptions(options),
    ...(paid === undefined ? {} : { paid }),
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
}

async function minioStoreAt(address: AddressOf<'minio'>, options: CreateStoreOptions): Promise<MinioStore> {
  const { endpoint, bucket, prefix, region } = address
  const { env, tier, readOnly = false, paid } = options
  const { accessKey, secretKey } = minioCredentials(endpoint, tier, env)
  const { minioStore } = await loadWithPeers('minio', ['minio'], () => import('@mediakeep/adapters/minio'))
  return minioStore({
    ...volumeOptions(options),
    ...(paid === undefined ? {} : { paid }),
    endpoint,
    accessKey,
    secretKey,
    bucket,
    prefix,
    readOnly,
    ...(region === undefined ? {} : { region }),
  })
}

async function httpStoreAt({ url }: AddressOf<'http'>, options: CreateStoreOptions): Promise<ObjectStore> {
  const { env, tier, readOnly = false, create = true, paid } = options
  const { httpStore } = await import('@mediakeep/adapters/http')
  const token = proxyToken(tier, env)
  const bucket = httpStore({
    url,
    ...(tier === undefined ? {} : { name: tier }),
    ...(token === undefined ? {} : { token }),
    // What another instance acknowledges it has stored; what its own store promises cannot be asked for.
    traits: { durability: 'durable', ...(paid === undefined ? {} : { paid }) },
  })
  return readOnly ? foreignHttpBucket(bucket, url) : httpVolume(bucket, { create })
}
