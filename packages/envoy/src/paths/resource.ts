import { isId, isMediaError, type MediaRef, parseKeyPath } from '@mediakeep/core'

/** What a path names, and what of a media is asked for. */
export interface MediaResource {
  readonly ref: MediaRef
  /** Default: that of the store. */
  readonly namespace?: string
  /** As attachment. Default false. */
  readonly download?: boolean
}

/** A request whose target was found clean, for those who tell what it names. */
export interface ResourceRequest {
  /** Still encoded; no dot segments, no empty ones, no encoded separators. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  readonly host: string
  readonly context: Readonly<Record<string, string>>
}

/** Tells which media a request is about; `undefined`: about none. What it throws is answered as 503. */
export type ResourceOf = (request: ResourceRequest) => MediaResource | undefined

/**
 * The routes of bytes of `mediaRouter` mounted at `basePath`: `/:id/content`, `/:id/download` and `/k/*key`, with `?download=1`.
 * A `namespace` in the route's context chooses the namespace.
 */
export function mediaRoutes(options: { readonly basePath?: string } = {}): ResourceOf {
  const { basePath = '/media' } = options
  return ({ path, query, context }) => {
    if (!path.startsWith(`${basePath}/`)) return undefined
    const rest = path.slice(basePath.length + 1)
    const slash = rest.indexOf('/')
    if (slash <= 0) return undefined
    const [first, second] = [rest.slice(0, slash), rest.slice(slash + 1)]
    const found = first === 'k' ? byKey(second) : byId(first, second)
    return found === undefined ? undefined : { ...found, ...askedFor(found, query), ...namespaceOf(context) }
  }
}

/** Every path below `prefix` is a key: for hosts whose addresses are their own names. */
export function keysUnder(prefix: string): ResourceOf {
  const start = prefix.endsWith('/') ? prefix : `${prefix}/`
  return ({ path, query, context }) => {
    if (!path.startsWith(start)) return undefined
    const found = byKey(path.slice(start.length))
    return found === undefined ? undefined : { ...found, ...askedFor(found, query), ...namespaceOf(context) }
  }
}

function byId(id: string, what: string): MediaResource | undefined {
  if (!isId(id)) return undefined
  if (what === 'content') return { ref: id }
  return what === 'download' ? { ref: id, download: true } : undefined
}

function byKey(rawKey: string): MediaResource | undefined {
  try {
    return { ref: { key: parseKeyPath(rawKey) } }
  } catch (error) {
    if (isMediaError(error, 'MEDIA_BAD_INPUT')) return undefined // it cannot be one, so it names nothing
    throw error
  }
}

function askedFor({ download }: MediaResource, query: string): { download?: boolean } {
  if (query === '') return {}
  const asked = new URLSearchParams(query).get('download')
  return download === true || asked === '1' || asked === 'true' ? { download: true } : {}
}

function namespaceOf({ namespace }: Readonly<Record<string, string>>): { namespace?: string } {
  return namespace === undefined || namespace === '' ? {} : { namespace }
}
