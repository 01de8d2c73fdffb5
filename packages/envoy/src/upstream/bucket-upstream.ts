import {
  badOption,
  canonicalQuery,
  createRequestSigner,
  escapeUri,
  presignedQuery,
  type RequestSigner,
  type SigningKeys,
  signedHeaders,
} from '@mediakeep/core'
import { SIGNATURE_WINDOW_MS } from '../defaults.ts'
import type { Upstream } from './upstream.ts'

export interface BucketUpstreamOptions {
  /**
   * `headers` (default): the signature travels in headers, so that no log of addresses holds one. `presign`: in the query, for proxies
   * that can pass on a path and no headers. `path`: unsigned, for a bucket that anybody may read, or a proxy that signs.
   */
  readonly mode?: 'headers' | 'presign' | 'path'
  /** Host as the proxy sends it to the store, with its port where that is not the usual one. It is signed: one constant in both places. */
  readonly host: string
  readonly bucket: string
  /** The one that the tier's store was made with. Default: none. */
  readonly prefix?: string
  /** `volume` (default): a bucket, or a part of one, that is ours. `plain`: one of somebody else, whose objects were registered. */
  readonly layout?: 'volume' | 'plain'
  /** Bucket in the path (default), or in front of the host. */
  readonly pathStyle?: boolean
  /** Default `us-east-1`. */
  readonly region?: string
  /** Keys of a user that may only get objects of this bucket; a function is asked once in a window, so that keys may change. */
  readonly credentials?: SigningKeys | (() => SigningKeys)
  /**
   * How long shared caches may keep what is public without asking the bucket again, told as `s-maxage`. For caches behind the gate, as
   * Envoy's own: each of their hits is still checked. Default: as the content route says, which is not at all.
   */
  readonly sharedCacheSeconds?: number
  /** How long the same object has the same address and signature: 1 s to 5 min. Default 60 s. */
  readonly reuseMs?: number
}

const MAX_REUSE_MS = 300_000

/**
 * A bucket of S3 or MinIO that the proxy reads by itself, signed for it by the gate.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`
 */
export function bucketUpstream(options: BucketUpstreamOptions): Upstream {
  const { mode = 'headers', host, bucket, prefix = '', region = 'us-east-1', pathStyle = true } = options
  const { credentials, reuseMs = SIGNATURE_WINDOW_MS, layout = 'volume', sharedCacheSeconds } = options
  if (!/^[A-Za-z0-9.-]+(?::[0-9]{1,5})?$/.test(host))
    throw badOption('bucketUpstream: host is no host name with or without a port')
  if (!(reuseMs >= 1_000 && reuseMs <= MAX_REUSE_MS))
    throw badOption('bucketUpstream: reuseMs is 1 second to 5 minutes')
  if (mode !== 'path' && credentials === undefined)
    throw badOption(`bucketUpstream: mode "${mode}" needs credentials`)
  // As the stores of buckets lay them out.
  const start = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
  const objects = layout === 'volume' ? `${start}objects/` : start
  if (sharedCacheSeconds !== undefined && !(Number.isInteger(sharedCacheSeconds) && sharedCacheSeconds >= 0))
    throw badOption('bucketUpstream: sharedCacheSeconds is a whole number of seconds')
  const folder = pathStyle ? `/${escapeUri(bucket)}/` : '/'
  let signer: RequestSigner | undefined
  const currentSigner = (): RequestSigner => {
    const keys = typeof credentials === 'function' ? credentials() : credentials
    if (keys === undefined) throw badOption(`bucketUpstream: mode "${mode}" needs credentials`)
    // A key of the day is derived once for each pair of keys.
    if (signer === undefined || !isSame(signer.keys, keys)) signer = createRequestSigner(keys, region)
    return signer
  }
  return {
    target({ method, objectKey, contentType, disposition, cacheControl }, nowMs) {
      const path = folder + `${objects}${objectKey}`.split('/').map(escapeUri).join('/')
      // An address of a window, not of an instant: the same for all who ask in it, so that caches see one object.
      const startMs = Math.floor(nowMs / reuseMs) * reuseMs
      const [at, untilMs] = [new Date(startMs), startMs + reuseMs]
      if (mode === 'path') return { path, headers: [], untilMs }
      const query = {
        'response-cache-control':
          sharedCacheSeconds === undefined || !cacheControl.startsWith('public')
            ? cacheControl
            : `${cacheControl}, s-maxage=${sharedCacheSeconds}`,
        'response-content-disposition': disposition,
        'response-content-type': contentType,
      }
      if (mode === 'presign') {
        // Good for a window more than it is given out for: what begins late is still let in.
        const lifeSeconds = Math.ceil((2 * reuseMs) / 1000) + 60
        const signed = presignedQuery(currentSigner(), { method, host, path, query, at, lifeSeconds })
        return { path: `${path}?${signed}`, headers: [], untilMs }
      }
      const search = canonicalQuery(query)
      const headers = signedHeaders(currentSigner(), { method, host, path, search, at })
      return { path: `${path}?${search}`, headers, untilMs }
    },
  }
}

function isSame(a: SigningKeys, b: SigningKeys): boolean {
  return a.accessKey === b.accessKey && a.secretKey === b.secretKey && a.sessionToken === b.sessionToken
}
