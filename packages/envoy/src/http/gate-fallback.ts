import type { IncomingMessage, ServerResponse } from 'node:http'

/** Seconds after which a client that met the fallback may come back: one life of what the gate believed. */
const RETRY_SECONDS = 2
const BODY: string = JSON.stringify({
  type: 'urn:mediakeep:error:not-ready',
  title: 'Not ready yet',
  status: 503,
  code: 'MEDIA_NOT_READY',
  detail: 'The media is being made ready. Try again after the time in Retry-After.',
})

/**
 * Answers in place of a store that did not have what the gate let through: stopped, hung, or emptied behind our back. The proxy
 * asks it as a second try (`retry_priority: previous_priorities` of Envoy), so that no page of the store reaches a client.
 * Requests carry addresses and signatures of the store: listen where only the proxy can reach it, and log neither.
 */
export function gateFallback(): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    request.resume()
    response.writeHead(503, [
      'content-type',
      'application/problem+json',
      'content-length',
      String(Buffer.byteLength(BODY)),
      'retry-after',
      String(RETRY_SECONDS),
      'cache-control',
      'no-store',
      'x-media-state',
      'failed',
      'x-content-type-options',
      'nosniff',
    ])
    response.end(request.method === 'HEAD' ? undefined : BODY)
  }
}
