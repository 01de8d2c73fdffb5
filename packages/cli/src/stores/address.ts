import { fileURLToPath, pathToFileURL } from 'node:url'
import { MediaError } from '@mediakeep/core'

/** Where a store is, as a store URL says it. Never who may use it: credentials come from the environment. */
export type StoreAddress =
  | { readonly scheme: 'file'; readonly folder: string }
  | {
      readonly scheme: 's3'
      readonly bucket: string
      /** Empty, or without a slash at either end. */
      readonly prefix: string
      readonly endpoint?: string
      readonly region?: string
      readonly conditionalPut?: 'enforced' | 'ignored'
    }
  | {
      readonly scheme: 'minio'
      readonly endpoint: string
      readonly bucket: string
      readonly prefix: string
      readonly region?: string
    }
  /** Another instance: the address of its bucket. */
  | { readonly scheme: 'http'; readonly url: string }
  | { readonly scheme: 'memory' }

const FORMS =
  'file:///FOLDER, s3://BUCKET/PREFIX?endpoint=&region=, minio://HOST:PORT/BUCKET/PREFIX, http(s)://HOST/objects/BUCKET or memory:'

/**
 * Reads a store URL. Neither a secret in it nor the URL itself is ever repeated in what is thrown.
 * @throws MediaError MEDIA_BAD_INPUT `bad-store-url`
 */
export function parseStoreUrl(text: string): StoreAddress {
  if (!URL.canParse(text)) throw bad(`it is no URL; give ${FORMS}`)
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    throw bad('it holds a user or a password; credentials are taken from the environment only')
  if (url.hash !== '') throw bad('it has a part behind #')
  switch (url.protocol) {
    case 'file:':
      return { scheme: 'file', folder: folderOf(url) }
    case 's3:':
      return s3Of(url)
    case 'minio:':
      return minioOf(url)
    case 'http:':
    case 'https:':
      return httpOf(url)
    case 'memory:':
      queryOf(url, [])
      if (url.host !== '' || url.pathname !== '') throw bad('memory: takes nothing behind it')
      return { scheme: 'memory' }
    default:
      throw bad(`${url.protocol} stores are unknown; give ${FORMS}`)
  }
}

/** The URL that `parseStoreUrl` reads as this address; for people, too: there is nothing secret in it. */
export function formatStoreUrl(address: StoreAddress): string {
  switch (address.scheme) {
    case 'file':
      return pathToFileURL(address.folder).href
    case 's3': {
      const { bucket, prefix, endpoint, region, conditionalPut } = address
      const query = new URLSearchParams()
      if (endpoint !== undefined) query.set('endpoint', endpoint)
      if (region !== undefined) query.set('region', region)
      if (conditionalPut !== undefined) query.set('conditionalPut', conditionalPut)
      return `s3://${bucket}${pathOf(prefix)}${query.size === 0 ? '' : `?${query.toString()}`}`
    }
    case 'minio': {
      const { endpoint, bucket, prefix, region } = address
      const server = new URL(endpoint)
      const query = new URLSearchParams()
      if (server.protocol === 'https:') query.set('ssl', 'true')
      if (region !== undefined) query.set('region', region)
      return `minio://${server.host}/${bucket}${pathOf(prefix)}${query.size === 0 ? '' : `?${query.toString()}`}`
    }
    case 'http':
      return address.url
    case 'memory':
      return 'memory:'
  }
}

function s3Of(url: URL): StoreAddress {
  const query = queryOf(url, ['endpoint', 'region', 'conditionalPut'])
  const endpoint = query['endpoint'] === undefined ? undefined : parseEndpoint(query['endpoint'], 'endpoint')
  const { region, conditionalPut } = query
  if (url.port !== '') throw bad('s3: takes a bucket where a host stands; give the host as ?endpoint=')
  if (conditionalPut !== undefined && conditionalPut !== 'enforced' && conditionalPut !== 'ignored')
    throw bad('conditionalPut is enforced or ignored')
  return {
    scheme: 's3',
    bucket: bucketOf(url.hostname),
    prefix: prefixOf(url.pathname),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region: regionOf(region) }),
    ...(conditionalPut === undefined ? {} : { conditionalPut }),
  }
}

function minioOf(url: URL): StoreAddress {
  const query = queryOf(url, ['region', 'ssl'])
  const { region, ssl = 'false' } = query
  if (ssl !== 'true' && ssl !== 'false') throw bad('ssl is true or false')
  const [, first = '', ...rest] = url.pathname.split('/')
  if (url.host === '' || first === '') throw bad('give minio://HOST:PORT/BUCKET/PREFIX')
  return {
    scheme: 'minio',
    endpoint: parseEndpoint(`${ssl === 'true' ? 'https' : 'http'}://${url.host}`, 'the host'),
    bucket: bucketOf(first),
    prefix: prefixOf(`/${rest.join('/')}`),
    ...(region === undefined ? {} : { region: regionOf(region) }),
  }
}

function httpOf(url: URL): StoreAddress {
  queryOf(url, [])
  const path = url.pathname.replace(/\/+$/, '')
  // Names of buckets there are those of its `objectRouter`, which is freer than S3.
  if (!/\/objects\/[A-Za-z0-9._-]{1,64}$/.test(path))
    throw bad('the address of another instance ends in /objects/BUCKET')
  return { scheme: 'http', url: `${url.origin}${path}` }
}

function folderOf(url: URL): string {
  queryOf(url, [])
  try {
    return fileURLToPath(url)
  } catch {
    throw bad('it names no folder of this host; give file:///FOLDER')
  }
}

/** `https://host:port`, without a path. */
export function parseEndpoint(text: string, name: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.host === '')
    throw bad(`${name} is no http or https address`)
  if (url.username !== '' || url.password !== '')
    throw bad(`${name} holds a user or a password; credentials are taken from the environment only`)
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    throw bad(`${name} has more than host and port`)
  return url.origin
}

/** What is asked for behind `?`, each once and each known. Values may be secrets put in the wrong place: only names are told. */
function queryOf(url: URL, known: readonly string[]): Readonly<Record<string, string | undefined>> {
  const values: Record<string, string> = {}
  for (const [name, value] of url.searchParams) {
    if (!known.includes(name))
      throw bad(
        `it asks for "${name}"; ${known.length === 0 ? 'nothing is known' : `known are ${known.join(', ')}`}`,
      )
    if (Object.hasOwn(values, name)) throw bad(`it says ${name} twice`)
    if (value !== '') values[name] = value
  }
  return values
}

function bucketOf(name: string): string {
  if (/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..')) return name
  throw bad('its bucket is no name of one: 3 to 63 small letters, digits, dots and hyphens')
}

function regionOf(name: string): string {
  if (/^[a-z0-9-]{1,64}$/.test(name)) return name
  throw bad('its region is no name of one')
}

function prefixOf(path: string): string {
  let prefix: string
  try {
    prefix = decodeURIComponent(path).replace(/^\//, '').replace(/\/$/, '')
  } catch {
    throw bad('its prefix is not UTF-8')
  }
  const segments = prefix.split('/')
  const isOdd = segments.some((segment) => segment === '' || segment === '.' || segment === '..')
  if (prefix !== '' && (isOdd || prefix.includes('\0')))
    throw bad('its prefix has an empty segment or one of dots')
  return prefix
}

const pathOf = (prefix: string): string =>
  prefix === '' ? '' : `/${prefix.split('/').map(encodeURIComponent).join('/')}`

function bad(why: string): MediaError {
  return new MediaError('MEDIA_BAD_INPUT', `the store URL cannot be used: ${why}`, {
    reason: 'bad-store-url',
  })
}
