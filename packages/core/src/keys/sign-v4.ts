import { createHash, createHmac } from 'node:crypto'
import type { HeaderList } from '../http/headers.ts'

export interface SigningKeys {
  readonly accessKey: string
  readonly secretKey: string
  readonly sessionToken?: string
}

/** Characters that stay as they are in a signed path or query. */
export function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** A query as signatures want it: escaped, in order of its names. */
export function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${escapeUri(name)}=${escapeUri(value)}`)
    .sort()
    .join('&')
}

/** What a signature is made over. Nobody need hold the body: it is not part of it. */
export interface SignedParts {
  readonly method: string
  /** Escaped, from its first slash. */
  readonly path: string
  /** As `canonicalQuery` gives it. */
  readonly search: string
  /** In lower case, `host` among them. */
  readonly headers: Readonly<Record<string, string>>
  /** As in `timestampOf`. */
  readonly time: string
}

/** Signs for one pair of keys and one region. The key of a day is derived once: a signature costs two hashes. */
export interface RequestSigner {
  readonly keys: SigningKeys
  scopeOf(time: string): string
  /** In hexadecimal. @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
  sign(parts: SignedParts): string
}

export function createRequestSigner(keys: SigningKeys, region: string): RequestSigner {
  let keyDay = ''
  let dayKey: Buffer = Buffer.alloc(0)
  const keyOf = (day: string): Buffer => {
    if (day === keyDay) return dayKey
    let key: string | Buffer = `AWS4${keys.secretKey}`
    for (const part of [day, region, 's3', 'aws4_request'])
      key = createHmac('sha256', key).update(part).digest()
    dayKey = Buffer.from(key)
    keyDay = day
    return dayKey
  }
  const scopeOf = (time: string): string => `${time.slice(0, 8)}/${region}/s3/aws4_request`
  return {
    keys,
    scopeOf,
    sign({ method, path, search, headers, time }) {
      const names = Object.keys(headers).sort()
      const canonical = [
        method,
        path,
        search,
        ...names.map((name) => `${name}:${headers[name]?.trim() ?? ''}`),
        '',
        names.join(';'),
        'UNSIGNED-PAYLOAD',
      ].join('\n')
      const digest = createHash('sha256').update(canonical).digest('hex')
      const toSign = ['AWS4-HMAC-SHA256', time, scopeOf(time), digest].join('\n')
      return createHmac('sha256', keyOf(time.slice(0, 8)))
        .update(toSign)
        .digest('hex')
    },
  }
}

/** `20130524T000000Z` */
export function timestampOf(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d+/g, '')
}

export interface PresignParts {
  readonly method: string
  readonly host: string
  /** Escaped, from its first slash. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  /** Bound into the signature: the request must carry them as they stand. */
  readonly headers?: Readonly<Record<string, string>>
  readonly at: Date
  readonly lifeSeconds: number
}

/**
 * The query of an address with its signature in it.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export function presignedQuery(signer: RequestSigner, parts: PresignParts): string {
  const { keys } = signer
  const time = timestampOf(parts.at)
  const headers: Record<string, string> = { ...parts.headers, host: parts.host }
  const search = canonicalQuery({
    ...parts.query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${keys.accessKey}/${signer.scopeOf(time)}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(parts.lifeSeconds),
    'X-Amz-SignedHeaders': Object.keys(headers).sort().join(';'),
    ...(keys.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': keys.sessionToken }),
  })
  const { method, path } = parts
  return `${search}&X-Amz-Signature=${signer.sign({ method, path, search, headers, time })}`
}

/** Request headers that sign a read without a body, for a host and an address that are sent exactly so. */
export function signedHeaders(
  signer: RequestSigner,
  parts: {
    readonly method: string
    readonly host: string
    readonly path: string
    readonly search: string
    readonly at: Date
  },
): HeaderList {
  const { keys } = signer
  const time = timestampOf(parts.at)
  const headers: Record<string, string> = {
    host: parts.host,
    'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
    'x-amz-date': time,
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken }),
  }
  const { method, path, search } = parts
  const signature = signer.sign({ method, path, search, headers, time })
  const names = Object.keys(headers).sort().join(';')
  const { host: _, ...sent } = headers
  return [
    'authorization',
    `AWS4-HMAC-SHA256 Credential=${keys.accessKey}/${signer.scopeOf(time)}, SignedHeaders=${names}, Signature=${signature}`,
    ...Object.entries(sent).flat(),
  ]
}
