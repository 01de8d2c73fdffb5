import type { ServerResponse } from 'node:http'
import {
  type HealthReport,
  isMediaError,
  type MediaStore,
  newId,
  requestIdOf,
  SAFETY_HEADERS,
} from '@mediakeep/core'
import type { MediaHandler } from '../router/media-router.ts'

/**
 * GET `/healthz`: 200 while the process can serve, 503 once the store is closed.
 * GET `/readyz`: 200 when every dependency answers, also degraded; 503 when one that is needed does not.
 * Names, states and times only: no addresses, no messages. Other paths go to `next`, or are 404.
 */
export function healthRouter(store: Pick<MediaStore, 'health'>): MediaHandler {
  return (request, response, next) => {
    const url = request.url ?? '/'
    const question = url.indexOf('?')
    const path = question === -1 ? url : url.slice(0, question)
    const isHealth = path === '/healthz'
    const requestId = requestIdOf(request.headers['x-request-id'], newId)
    if (!isHealth && path !== '/readyz') {
      if (next === undefined) send(response, requestId, 404, { status: 'unknown' })
      else next()
      return
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response, requestId, 405, { status: 'unknown' }, ['Allow', 'GET, HEAD'])
      return
    }
    report(store).then(
      (health) => {
        if (health === undefined) send(response, requestId, 503, { status: 'down', checks: {} })
        else if (isHealth) send(response, requestId, 200, { status: 'ok' })
        else send(response, requestId, health.status === 'down' ? 503 : 200, health)
      },
      () =>
        send(
          response,
          requestId,
          isHealth ? 200 : 503,
          isHealth ? { status: 'ok' } : { status: 'down', checks: {} },
        ),
    )
  }
}

/** What a probe may see; `undefined` when the store is closed. */
async function report(store: Pick<MediaStore, 'health'>): Promise<HealthReport | undefined> {
  try {
    const { status, checks } = await store.health()
    const shown = Object.entries(checks).map(([name, check]) => [
      name,
      { status: check.status, latencyMs: check.latencyMs },
    ])
    return { status, checks: Object.fromEntries(shown) }
  } catch (error) {
    if (isMediaError(error, 'MEDIA_CLOSED')) return undefined
    throw error
  }
}

function send(
  response: ServerResponse,
  requestId: string,
  status: number,
  value: object,
  headers: string[] = [],
): void {
  const body = JSON.stringify(value)
  response.writeHead(status, [
    ...SAFETY_HEADERS,
    'Content-Type',
    'application/json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'X-Request-Id',
    requestId,
    ...headers,
  ])
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
