import type { Server } from 'node:http'
import { DRAIN_GRACE_MS } from '../defaults.ts'

const IDLE_CHECK_MS = 100

/**
 * Stops a server without cutting anybody off: no new connections, requests under way end, kept-alive connections
 * close behind them. What still runs after `graceMs` (default 10,000) is cut off. Resolves when nothing is connected.
 * Close the store afterwards.
 *
 * @example
 * process.once('SIGTERM', async () => {
 *   await drainServer(server)
 *   await store.close()
 * })
 */
export async function drainServer(
  server: Server,
  { graceMs = DRAIN_GRACE_MS }: { readonly graceMs?: number } = {},
): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  // A connection becomes idle when its request ends; nobody else closes it then.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  const deadline = setTimeout(() => server.closeAllConnections(), graceMs)
  try {
    await closed
  } finally {
    clearInterval(idle)
    clearTimeout(deadline)
  }
}
