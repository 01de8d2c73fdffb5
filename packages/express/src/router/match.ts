/** What a path below the mount names. Parts that do not decode are `undefined`: they can name nothing. */
export type Route =
  | { readonly name: 'collection' }
  /** `rawKey` as it stands on the request line. */
  | { readonly name: 'key'; readonly rawKey: string }
  | {
      readonly name: 'record' | 'status' | 'content' | 'download' | 'availability' | 'warm' | 'release'
      readonly id: string
    }
  | {
      readonly name: 'link'
      readonly id: string
      readonly kind: string | undefined
      readonly target: string | undefined
    }
  | { readonly name: 'linked'; readonly kind: string | undefined; readonly target: string | undefined }
  /** Without an id: where uploads begin. */
  | { readonly name: 'tus'; readonly uploadId: string | undefined }
  | { readonly name: 'uploads' }
  | { readonly name: 'upload' | 'upload-complete' | 'upload-parts'; readonly uploadId: string }
  /** Behind `s3/`, as it stands on the request line. */
  | { readonly name: 's3'; readonly rest: string }
  | { readonly name: 'upload-chunk'; readonly uploadId: string; readonly index: string }
  | { readonly name: 'unknown' }

export type RouteName = Route['name']

/** Methods of each route, as `Allow` lists them. */
export const METHODS: Readonly<Record<RouteName, readonly string[]>> = {
  collection: ['GET', 'HEAD', 'POST'],
  key: ['GET', 'HEAD', 'PUT'],
  record: ['GET', 'HEAD', 'PATCH', 'DELETE'],
  status: ['GET', 'HEAD'],
  content: ['GET', 'HEAD', 'PUT'],
  download: ['GET', 'HEAD'],
  availability: ['GET', 'HEAD'],
  warm: ['POST'],
  release: ['POST'],
  link: ['PUT', 'DELETE'],
  linked: ['GET', 'HEAD'],
  tus: [], // The protocol has its own say in what the method is.
  uploads: ['POST'],
  upload: ['GET', 'HEAD', 'PUT', 'DELETE'],
  'upload-complete': ['POST'],
  'upload-parts': ['GET', 'HEAD', 'POST'],
  s3: [], // Each address below it has methods of its own.
  'upload-chunk': ['PUT'],
  unknown: [],
}

const UNKNOWN: Route = { name: 'unknown' }
const COLLECTION: Route = { name: 'collection' }
// Not ids: what stands under them is a route of its own, now or later.
const RESERVED = new Set(['k', 'links', 'uploads', 'tus', 't'])

/** Finds the route of a path (without query) that begins with `/`. Never throws; nothing is normalised. */
export function matchRoute(path: string): Route {
  if (path === '/' || path === '') return COLLECTION
  const slash = path.indexOf('/', 1)
  const first = slash === -1 ? path.slice(1) : path.slice(1, slash)
  if (first === 'tus') return { name: 'tus', uploadId: path.slice(first.length + 2) || undefined }
  if (first === 'uploads') return matchUpload(path.slice('/uploads'.length))
  if (RESERVED.has(first)) return slash === -1 ? UNKNOWN : matchReserved(first, path.slice(slash + 1))
  if (slash === -1) return { name: 'record', id: first }
  const rest = path.slice(slash + 1)
  switch (rest) {
    case 'content':
    case 'download':
    case 'status':
    case 'availability':
    case 'warm':
    case 'release':
      return { name: rest, id: first }
  }
  if (!rest.startsWith('links/')) return UNKNOWN
  const link = splitLink(rest.slice('links/'.length))
  return link === undefined ? UNKNOWN : { name: 'link', id: first, ...link }
}

function matchReserved(first: string, rest: string): Route {
  if (first === 'k') return rest === '' ? UNKNOWN : { name: 'key', rawKey: rest }
  if (first !== 'links') return UNKNOWN
  const link = splitLink(rest)
  return link === undefined ? UNKNOWN : { name: 'linked', ...link }
}

const UPLOAD = /^\/([^/]+)(?:\/(complete|parts)|\/chunks\/([^/]+))?$/

function matchUpload(rest: string): Route {
  if (rest === '') return { name: 'uploads' }
  if (rest.startsWith('/s3/')) return { name: 's3', rest: rest.slice('/s3/'.length) }
  const [, uploadId, act, index] = UPLOAD.exec(rest) ?? []
  if (uploadId === undefined) return UNKNOWN
  if (index !== undefined) return { name: 'upload-chunk', uploadId, index }
  if (act === 'parts') return { name: 'upload-parts', uploadId }
  return { name: act === undefined ? 'upload' : 'upload-complete', uploadId }
}

function splitLink(rest: string): { kind: string | undefined; target: string | undefined } | undefined {
  const slash = rest.indexOf('/')
  if (slash <= 0 || slash === rest.length - 1) return undefined
  return { kind: decode(rest.slice(0, slash)), target: decode(rest.slice(slash + 1)) }
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined // not UTF-8, or a stray percent sign
  }
}
