import type { IncomingMessage, ServerResponse } from 'node:http'
import { isId, writeHead } from '@mediakeep/core'
import type { GateStore } from '../gate/gate-store.ts'

export interface GateFallbackOptions {
  /** Asked to look again at the media that the proxy did not find: what is gone is loaded again, or told. Default: nobody is. */
  readonly store?: Pick<GateStore, 'recheck'>
}

/** Seconds after which a client that met the fallback may come back. */
const RETRY_SECONDS = 2
/** Media looked at again at once; of more at a time, the store is away rather than its objects. */
const MAX_RECHECKS = 32
/** The same media is not looked at again sooner. */
const PAUSE_MS = 2_000

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
 *
 * The second try carries `x-media-id`, which the gate set on the first: with a `store` that media is looked at again, once for any
 * number of clients. Requests also carry addresses and signatures of the bucket: listen where only the proxy can reach it.
 */
export function gateFallback({
  store,
}: GateFallbackOptions = {}): (request: IncomingMessage, response: ServerResponse) => void {
  const seenMs = new Map<string, number>()
  let rechecks = 0
  const lookAgain = (id: string): void => {
    const nowMs = Date.now()
    if (store?.recheck === undefined || rechecks >= MAX_RECHECKS) return
    if ((seenMs.get(id) ?? 0) > nowMs - PAUSE_MS) return
    for (const [old, atMs] of seenMs) {
      if (atMs > nowMs - PAUSE_MS) break
      seenMs.delete(old)
    }
    seenMs.delete(id)
    seenMs.set(id, nowMs)
    rechecks += 1
    const end = (): void => {
      rechecks -= 1
    }
    // What fails is looked at again with the next client.
    store.recheck(id).then(end, end)
  }
  return (request, response) => {
    request.resume()
    const id = request.headers['x-media-id']
    if (typeof id === 'string' && isId(id)) lookAgain(id)
    writeHead(response, 503, [
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
