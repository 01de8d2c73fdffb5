import { createHash, createHmac } from 'node:crypto'

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

/**
 * The address with a signature in its query. `headers` are bound into it: the request must carry them as they stand.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
 */
export function presignUrl(
  request: {
    readonly method: string
    /** Scheme, host and path of the object, escaped. */
    readonly url: URL
    readonly query: Readonly<Record<string, string>>
    readonly headers: Readonly<Record<string, string>>
    readonly region: string
    readonly at: Date
    readonly lifeSeconds: number
  },
  keys: SigningKeys,
): URL {
  const time = `${request.at.toISOString().replace(/[-:]|\.\d+/g, '')}`
  const day = time.slice(0, 8)
  const scope = `${day}/${request.region}/s3/aws4_request`
  const headers: Record<string, string> = { ...request.headers, host: request.url.host }
  const names = Object.keys(headers).sort()
  const query = {
    ...request.query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${keys.accessKey}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(request.lifeSeconds),
    'X-Amz-SignedHeaders': names.join(';'),
    ...(keys.sessionToken === undefined ? {} : { 'X-Amz-Security-Token': keys.sessionToken }),
  }
  const search = Object.entries(query)
    .map(([name, value]) => `${escapeUri(name)}=${escapeUri(value)}`)
    .sort()
    .join('&')
  const canonical = [
    request.method,
    request.url.pathname,
    search,
    ...names.map((name) => `${name}:${headers[name]?.trim() ?? ''}`),
    '',
    names.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(canonical).digest('hex')].join(
    '\n',
  )
  let key: string | Buffer = `AWS4${keys.secretKey}`
  for (const part of [day, request.region, 's3', 'aws4_request'])
    key = createHmac('sha256', key).update(part).digest()
  const signature = createHmac('sha256', key).update(toSign).digest('hex')
  return new URL(`${request.url.origin}${request.url.pathname}?${search}&X-Amz-Signature=${signature}`)
}
