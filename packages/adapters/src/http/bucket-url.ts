import { Agent, type Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { MediaError } from '@mediakeep/core'

/** @throws MediaError MEDIA_BAD_INPUT `bad-url` */
export function bucketUrl(name: string, given: string | URL): URL {
  const url = URL.canParse(String(given)) ? new URL(String(given)) : undefined
  const isGood =
    url !== undefined &&
    (url.protocol === 'http:' || url.protocol === 'https:') &&
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    url.hash === '' &&
    url.pathname.replaceAll('/', '') !== ''
  if (isGood) return url
  // The address is not repeated: it may hold a secret.
  throw new MediaError(
    'MEDIA_BAD_INPUT',
    `${name}: url is http(s)://host/objects/BUCKET, without user, query or fragment; a token goes into token or headers`,
    { reason: 'bad-url' },
  )
}

/** Connections that stay open between requests. */
export function createAgent(url: URL): HttpAgent {
  return url.protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new Agent({ keepAlive: true })
}
