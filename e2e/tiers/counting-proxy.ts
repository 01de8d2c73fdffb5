import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

/** Requests that came by, named as S3 names its operations. */
export interface CountingProxy {
  readonly endpoint: string
  readonly counts: ReadonlyMap<string, number>
  count(operation: string): number
  reset(): void
  stop(): Promise<void>
}

/** Stands between a client and an S3 endpoint and counts, on its own, what really goes over the wire. */
export async function startCountingProxy(target: {
  readonly host: string
  readonly port: number
}): Promise<CountingProxy> {
  const counts = new Map<string, number>()
  // A connection that idles is not cut under the client: a request that fails so is counted by it, and not here.
  const server: Server = createServer({ keepAliveTimeout: 300_000 }, (incoming, outgoing) => {
    const operation = operationOf(incoming.method ?? 'GET', incoming.url ?? '/')
    counts.set(operation, (counts.get(operation) ?? 0) + 1)
    // The host stays as it was sent: it is part of what was signed.
    const forward = request({
      host: target.host,
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      headers: incoming.headers,
    })
    forward.once('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      pipeline(answer, outgoing, () => {})
    })
    forward.once('error', () => outgoing.destroy())
    pipeline(incoming, forward, () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `http://127.0.0.1:${port}`,
    counts,
    count: (operation) => counts.get(operation) ?? 0,
    reset: () => counts.clear(),
    async stop() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** The class a request is billed as, told from its method and address alone. */
function operationOf(method: string, url: string): string {
  const { pathname, searchParams } = new URL(url, 'http://s3.invalid')
  const isBucket = pathname.split('/').filter((part) => part !== '').length <= 1
  if (searchParams.has('uploads') || searchParams.has('uploadId')) {
    if (method === 'GET') return 'list'
    if (method === 'DELETE') return 'abort'
    return method === 'PUT' ? 'part' : 'multipart'
  }
  if (searchParams.has('delete')) return 'delete'
  if (isBucket) {
    const isList =
      method === 'GET' &&
      (searchParams.has('list-type') || searchParams.has('prefix') || searchParams.size === 0)
    return isList ? 'list' : 'other'
  }
  return method.toLowerCase()
}
