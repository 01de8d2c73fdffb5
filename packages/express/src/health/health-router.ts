import type { ServerResponse } from 'node:http'
import {
  type HealthCheck,
  type HealthReport,
  isMediaError,
  type MediaStore,
  requestIdOf,
  writeHead,
} from '@mediakeep/core'
import { newRequestId } from '../request-id.ts'
import { jsonHeaders } from '../router/answer.ts'
import { hasBody } from '../router/client-body.ts'
import type { MediaHandler } from '../router/media-router.ts'
import { splitTarget } from '../router/target.ts'

/** An id that no media has: its time is the epoch. */
const NOBODY = '00000000-0000-7000-8000-000000000000'
const LIVENESS_WAIT_MS = 1_000

/**
 * GET `/healthz`: 200 while the process can serve, 503 once the store is closed.
 * GET `/readyz`: 200 when every dependency answers, also degraded; 503 when one that is needed does not.
 * Names, states and times only: no addresses, no messages. Other paths go to `next`, or are 404.
 */
export function healthRouter(store: Pick<MediaStore, 'health' | 'stat'>): MediaHandler {
  return (request, response, next) => {
    const { path } = splitTarget(request, '')
    const isHealth = path === '/healthz'
    const requestId = requestIdOf(request.headers['x-request-id'], newRequestId)
    if (!isHealth && path !== '/readyz') {
      if (next === undefined) send(response, requestId, 404, { status: 'unknown' })
      else next()
      return
    }
    // No body belongs here: one that comes all the same is not taken in.
    if (hasBody(request)) response.setHeader('Connection', 'close')
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      send(response, requestId, 405, { status: 'unknown' }, ['Allow', 'GET, HEAD'])
      return
    }
    const answered = isHealth
      ? isOpen(store).then((open) =>
          send(response, requestId, open ? 200 : 503, { status: open ? 'ok' : 'down' }),
        )
      : report(store).then((health) =>
          send(response, requestId, health.status === 'down' ? 503 : 200, health),
        )
    answered.catch(() => send(response, requestId, 503, { status: 'down', checks: {} }))
  }
}

/**
 * Only a closed store is dead. A dependency that fails or hangs makes it not ready: to restart the process, which is
 * what a failed liveness probe does, would not help.
 */
async function isOpen(store: Pick<MediaStore, 'stat'>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<true>((resolve) => {
    timer = setTimeout(resolve, LIVENESS_WAIT_MS, true)
  })
  const look = store.stat(NOBODY).then(
    () => true,
    (error: unknown) => !isMediaError(error, 'MEDIA_CLOSED'),
  )
  try {
    return await Promise.race([look, patience])
  } finally {
    clearTimeout(timer)
  }
}

/** What a probe may see. */
async function report(store: Pick<MediaStore, 'health'>): Promise<HealthReport> {
  const { status, checks } = await store.health()
  const shown: Record<string, HealthCheck> = {}
  for (const [name, check] of Object.entries(checks))
    shown[name] = { status: check.status, latencyMs: check.latencyMs }
  return { status, checks: shown }
}

function send(
  response: ServerResponse,
  requestId: string,
  status: number,
  value: object,
  headers: string[] = [],
): void {
  const body = JSON.stringify(value)
  writeHead(response, status, [...jsonHeaders(body, requestId, 'no-store'), ...headers])
  response.end(response.req.method === 'HEAD' ? undefined : body)
}
