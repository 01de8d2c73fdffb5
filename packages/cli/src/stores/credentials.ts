import { MediaError } from '@mediakeep/core'

/** The environment that credentials come from. */
export type Environment = Readonly<Record<string, string | undefined>>

export interface Credentials {
  readonly accessKey: string
  readonly secretKey: string
  readonly sessionToken?: string
}

/** `MEDIAKEEP_TIER_<NAME>_ACCESS_KEY`, `_SECRET_KEY`, `_TOKEN`: of one tier alone, where several have different ones. */
export function tierVariable(tier: string, what: 'ACCESS_KEY' | 'SECRET_KEY' | 'TOKEN'): string {
  return `MEDIAKEEP_TIER_${tier.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_${what}`
}

type Pair = readonly [accessName: string, secretName: string]

/**
 * For a server that speaks S3: the tier's own, `S3_*`, or `AWS_*`; else `undefined`, and the SDK looks where it always does.
 * @throws MediaError MEDIA_BAD_INPUT `missing-credentials` `example-credentials`, naming variables and never values
 */
export function s3Credentials(
  endpoint: string | undefined,
  tier: string | undefined,
  env: Environment,
): Credentials | undefined {
  const pairs = [
    ...ofTier(tier),
    ['S3_ACCESS_KEY', 'S3_SECRET_KEY'],
    ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
  ] as const
  const found = findPair(pairs, endpoint, env)
  if (found === undefined) return undefined
  const sessionToken = found.accessName === 'AWS_ACCESS_KEY_ID' ? given(env, 'AWS_SESSION_TOKEN') : undefined
  const { accessKey, secretKey } = found
  return { accessKey, secretKey, ...(sessionToken === undefined ? {} : { sessionToken }) }
}

/**
 * For a MinIO server: the tier's own, or `MINIO_*`.
 * @throws MediaError MEDIA_BAD_INPUT `missing-credentials` `example-credentials`
 */
export function minioCredentials(endpoint: string, tier: string | undefined, env: Environment): Credentials {
  const pairs = [...ofTier(tier), ['MINIO_ACCESS_KEY', 'MINIO_SECRET_KEY']] as const
  const found = findPair(pairs, endpoint, env)
  if (found !== undefined) return { accessKey: found.accessKey, secretKey: found.secretKey }
  throw missing(`a minio store needs ${pairs.map((pair) => pair.join(' and ')).join(', or ')}`)
}

/** For another instance: the tier's own, or `MEDIA_PROXY_TOKEN`. */
export function proxyToken(tier: string | undefined, env: Environment): string | undefined {
  const own = tier === undefined ? undefined : given(env, tierVariable(tier, 'TOKEN'))
  return own ?? given(env, 'MEDIA_PROXY_TOKEN')
}

function ofTier(tier: string | undefined): readonly Pair[] {
  return tier === undefined ? [] : [[tierVariable(tier, 'ACCESS_KEY'), tierVariable(tier, 'SECRET_KEY')]]
}

/** The first pair of which anything is set. */
function findPair(
  pairs: readonly Pair[],
  endpoint: string | undefined,
  env: Environment,
): (Credentials & { readonly accessName: string }) | undefined {
  for (const [accessName, secretName] of pairs) {
    const accessKey = given(env, accessName)
    const secretKey = given(env, secretName)
    if (accessKey === undefined && secretKey === undefined) continue
    if (accessKey === undefined) throw missing(`${secretName} is set and ${accessName} is not`)
    if (secretKey === undefined) throw missing(`${accessName} is set and ${secretName} is not`)
    refuseExamples(accessKey, secretKey, endpoint, `${accessName} and ${secretName}`)
    return { accessName, accessKey, secretKey }
  }
  return undefined
}

/** An empty variable counts as absent. */
export function given(env: Environment, name: string): string | undefined {
  const value = env[name]
  return value === undefined || value === '' ? undefined : value
}

export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '')
  return bare === 'localhost' || bare === '::1' || /^127(\.\d{1,3}){3}$/.test(bare)
}

/** What stands in every handbook: whoever finds the server is in. */
const EXAMPLES = new Set([
  'minioadmin/minioadmin',
  'minio/minio123',
  'minioadmin/minio123',
  'admin/password',
  'test/test',
])

function refuseExamples(
  accessKey: string,
  secretKey: string,
  endpoint: string | undefined,
  names: string,
): void {
  if (endpoint === undefined || isLoopbackHost(new URL(endpoint).hostname)) return
  if (!EXAMPLES.has(`${accessKey}/${secretKey}`)) return
  throw new MediaError(
    'MEDIA_BAD_INPUT',
    `${names} are those of a handbook; give the server others, for it can be reached from outside this machine`,
    { reason: 'example-credentials' },
  )
}

function missing(message: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', message, { reason: 'missing-credentials' })
}
