import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import { MediaError, problemAnswer, requestIdOf, writeHead } from '@mediakeep/core'
import { newRequestId } from '../request-id.ts'

/** Tells a name of this machine alone: `localhost`, `127.0.0.0/8`, `::1`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/**
 * A handler that lets only this machine's own pages and programs through; others get 403.
 *
 * With `openAccess` whoever reaches the server may delete everything, and a browser here reaches it on behalf of any
 * page it shows. So requests are turned away by the name they came under (a foreign name can be pointed at this
 * machine), and by what the browser says of the page that asks.
 */
export function loopbackOnly(): (
  request: IncomingMessage,
  response: ServerResponse,
  next: () => void,
) => void {
  return (request, response, next) => {
    const name = (request.headers.host ?? '')
      .toLowerCase()
      .replace(/:\d+$/, '')
      .replace(/^\[|\]$/g, '')
    if (isLoopback(name) && !isForeignPage(request)) {
      next()
      return
    }
    const requestId = requestIdOf(request.headers['x-request-id'], newRequestId)
    const error = new MediaError('MEDIA_DENIED', 'this server answers its own machine only', {
      reason: 'not-this-machine',
    })
    const { status, headers, body } = problemAnswer(error, { requestId })
    writeHead(response, status, [...headers, 'X-Request-Id', requestId, 'Connection', 'close'])
    response.end(body)
  }
}

/** A link that a person followed is theirs; anything else from another site is not. Old browsers tell the origin alone. */
function isForeignPage({ method, headers }: IncomingMessage): boolean {
  const { origin } = headers
  if (origin !== undefined && origin !== 'null' && !isLoopback(hostOf(origin))) return true
  const isFollowedLink = headers['sec-fetch-mode'] === 'navigate' && method === 'GET'
  return headers['sec-fetch-site'] === 'cross-site' && !isFollowedLink
}

function hostOf(origin: string): string {
  try {
    return new URL(origin).hostname.replace(/^\[|\]$/g, '')
  } catch {
    return ''
  }
}
