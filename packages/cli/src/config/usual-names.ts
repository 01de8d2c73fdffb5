import { UsageError } from '../exit-codes.ts'
import { formatStoreUrl, parseStoreUrl } from '../stores/address.ts'
import { type Environment, given, isLoopbackHost } from '../stores/credentials.ts'
import type { TierSetting } from './tier-settings.ts'

/** Bucket where none is named. */
const DEFAULT_BUCKET = 'media'

/** What other tools call these things, for the table of settings. */
export const USUAL_NAMES: readonly {
  readonly env: string
  readonly secret?: boolean
  readonly about: string
}[] = [
  { env: 'MINIO_ENDPOINT', about: 'Host, host:port or address of a MinIO server: makes it the first tier.' },
  { env: 'MINIO_PORT', about: 'Its port, where the endpoint has none.' },
  { env: 'MINIO_USE_SSL', about: 'TLS, where the endpoint is no address. Default false.' },
  { env: 'MINIO_BUCKET_NAME', about: `Its bucket. Default ${DEFAULT_BUCKET}.` },
  { env: 'MINIO_ACCESS_KEY', secret: true, about: 'Credentials of `minio:` stores.' },
  { env: 'MINIO_SECRET_KEY', secret: true, about: 'Credentials of `minio:` stores.' },
  {
    env: 'S3_ENDPOINT',
    about: 'Host, host:port or address of an S3 server: makes it the next tier. Default: Amazon S3.',
  },
  { env: 'S3_USE_SSL', about: 'TLS, where the endpoint is no address. Default true, on loopback false.' },
  {
    env: 'S3_BUCKET_NAME, AWS_BUCKET_NAME, AWS_S3_BUCKET',
    about: `Its bucket: makes the tier, too. Default ${DEFAULT_BUCKET}.`,
  },
  {
    env: 'S3_ACCESS_KEY, AWS_ACCESS_KEY_ID',
    secret: true,
    about: 'Credentials of `s3:` stores. Default: where the SDK finds them.',
  },
  { env: 'S3_SECRET_KEY, AWS_SECRET_ACCESS_KEY', secret: true, about: 'Credentials of `s3:` stores.' },
  { env: 'AWS_SESSION_TOKEN', secret: true, about: 'Credentials of `s3:` stores.' },
  { env: 'AWS_REGION, AWS_DEFAULT_REGION', about: 'Region of `s3:` stores that name none.' },
  {
    env: 'AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL',
    about: 'As `S3_ENDPOINT`, after it, where a bucket is named.',
  },
  {
    env: 'MEDIA_PROXY_URL',
    about: 'Host:port or address of another instance: makes it the tier behind those.',
  },
  { env: 'MEDIA_PROXY_TOKEN', secret: true, about: 'Bearer token of other instances.' },
  {
    env: 'MEDIAKEEP_MEDIA_TOKEN',
    secret: true,
    about: 'Bearer token of the media service that `gate --media-url` asks.',
  },
  {
    env: 'MEDIAKEEP_TIER_<NAME>_TOKEN',
    secret: true,
    about: 'Bearer token of the tier of this name alone.',
  },
  {
    env: 'MEDIAKEEP_TIER_<NAME>_ACCESS_KEY',
    secret: true,
    about: 'Credentials of the tier of this name alone.',
  },
  {
    env: 'MEDIAKEEP_TIER_<NAME>_SECRET_KEY',
    secret: true,
    about: 'Credentials of the tier of this name alone.',
  },
]

/**
 * Tiers that the usual names ask for, in the order of failover: MinIO, S3, another instance, and the own folder last. A write goes to
 * the first that is up, and is brought back once those before it are. Empty when no name asks for any.
 * @throws UsageError naming the variable
 */
export function usualTiers(env: Environment): readonly TierSetting[] {
  const tiers = [minioTier(env), s3Tier(env), proxyTier(env)].filter((tier) => tier !== undefined)
  return tiers.length === 0 ? [] : [...tiers, { name: 'disk' }]
}

function minioTier(env: Environment): TierSetting | undefined {
  const endpoint = given(env, 'MINIO_ENDPOINT')
  if (endpoint === undefined) return undefined
  const url = endpointOf(env, 'MINIO', endpoint, () => false)
  const bucket = given(env, 'MINIO_BUCKET_NAME') ?? DEFAULT_BUCKET
  const address = { scheme: 'minio', endpoint: url.origin, bucket, prefix: '' } as const
  return { name: 'minio', url: checked('MINIO_BUCKET_NAME', formatStoreUrl(address)) }
}

function s3Tier(env: Environment): TierSetting | undefined {
  const bucketName = ['S3_BUCKET_NAME', 'AWS_BUCKET_NAME', 'AWS_S3_BUCKET'].find(
    (name) => given(env, name) !== undefined,
  )
  const own = given(env, 'S3_ENDPOINT')
  if (own === undefined && bucketName === undefined) return undefined
  const endpoint = own ?? given(env, 'AWS_ENDPOINT_URL_S3') ?? given(env, 'AWS_ENDPOINT_URL')
  const url =
    endpoint === undefined ? undefined : endpointOf(env, 'S3', endpoint, (host) => !isLoopbackHost(host))
  const bucket = (bucketName === undefined ? undefined : given(env, bucketName)) ?? DEFAULT_BUCKET
  const address = {
    scheme: 's3',
    bucket,
    prefix: '',
    ...(url === undefined ? {} : { endpoint: url.origin }),
  } as const
  return { name: 's3', url: checked(bucketName ?? 'S3_BUCKET_NAME', formatStoreUrl(address)) }
}

function proxyTier(env: Environment): TierSetting | undefined {
  const text = given(env, 'MEDIA_PROXY_URL')
  if (text === undefined) return undefined
  const url = addressOf('MEDIA_PROXY_URL', text, 'http')
  if (url.pathname === '/') url.pathname = `/objects/${DEFAULT_BUCKET}`
  return { name: 'proxy', url: checked('MEDIA_PROXY_URL', url.href) }
}

/** Of `host`, `host:port` and a whole address, with `_PORT` and `_USE_SSL` where the address does not say it itself. */
function endpointOf(
  env: Environment,
  names: 'MINIO' | 'S3',
  endpoint: string,
  usesTls: (host: string) => boolean,
): URL {
  const name = `${names}_ENDPOINT`
  const isWhole = /^[a-z]+:\/\//i.test(endpoint)
  const told = flagOf(`${names}_USE_SSL`, given(env, `${names}_USE_SSL`))
  const url = addressOf(name, endpoint, 'http')
  if (isWhole && told !== undefined && told !== (url.protocol === 'https:'))
    throw new UsageError(`configuration: ${name} and ${names}_USE_SSL say different things`)
  if (!isWhole && (told ?? usesTls(url.hostname))) url.protocol = 'https:'
  if (url.pathname !== '/' || url.search !== '')
    throw new UsageError(`configuration: ${name}: give host and port, without a path`)
  const port = names === 'MINIO' ? given(env, 'MINIO_PORT') : undefined
  if (port === undefined || isServiceLink(port)) return url
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
    throw new UsageError('configuration: MINIO_PORT: give a port')
  if (url.port !== '' && url.port !== port)
    throw new UsageError('configuration: MINIO_ENDPOINT and MINIO_PORT say different ports')
  url.port = port
  return url
}

/** What Kubernetes sets as `NAME_PORT` beside a service of that name: no port, and nobody's setting. */
export const isServiceLink = (value: string | undefined): boolean => /^(tcp|udp|sctp):\/\//.test(value ?? '')

function addressOf(name: string, text: string, scheme: string): URL {
  const whole = /^[a-z]+:\/\//i.test(text) ? text : `${scheme}://${text}`
  const url = URL.canParse(whole) ? new URL(whole) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new UsageError(`configuration: ${name}: give host, host:port, or an http or https address`)
  if (url.username !== '' || url.password !== '')
    throw new UsageError(
      `configuration: ${name} holds a user or a password; give them by the variables for them`,
    )
  return url
}

function flagOf(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined
  if (/^(true|1|yes|on)$/i.test(value)) return true
  if (/^(false|0|no|off)$/i.test(value)) return false
  throw new UsageError(`configuration: ${name}: give true or false`)
}

function checked(name: string, url: string): string {
  try {
    parseStoreUrl(url)
    return url
  } catch (cause) {
    throw new UsageError(`configuration: ${name}: ${cause instanceof Error ? cause.message : ''}`, { cause })
  }
}
