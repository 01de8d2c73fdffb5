import { createServer, type Server } from 'node:http'
import { isIP } from 'node:net'
import { continueOnRead, healthRouter, mediaRouter, openAccess } from '@mediakeep/express'
import { DONE, type ExitCode, UsageError } from '../exit-codes.ts'
import { type CommandContext, openConfigured } from './context.ts'

/** How long requests under way may take to end after a signal. */
const DRAIN_MS = 10_000

/** `serve`: the media routes at /media and the health routes, until SIGTERM or Ctrl-C; then it drains. */
export async function serveCommand(context: CommandContext): Promise<ExitCode> {
  const { config, output } = context
  if (!isLoopback(config.host)) {
    throw new UsageError(
      `host ${config.host}: everybody who reaches this server may read and delete everything, so it listens on loopback only; ` +
        'put mediaRouter into an app of yours with an `access` that asks who is there',
    )
  }
  const store = await openConfigured(config, 'background')
  try {
    const media = mediaRouter(store, { access: openAccess() })
    const health = healthRouter(store)
    const server = createServer((request, response) => {
      if (!isOurs(request.headers.host)) {
        response
          .writeHead(403, { 'content-type': 'text/plain; charset=utf-8' })
          .end('this server answers to its loopback name only\n')
        return
      }
      const path = request.url ?? '/'
      if (path === '/media' || path.startsWith('/media/') || path.startsWith('/media?')) {
        request.url = path.slice('/media'.length)
        if (!request.url.startsWith('/')) request.url = `/${request.url}`
        media(Object.assign(request, { baseUrl: '/media', originalUrl: path }), response)
        return
      }
      health(request, response, () => {
        response
          .writeHead(404, { 'content-type': 'text/plain; charset=utf-8' })
          .end('media are at /media, health at /healthz and /readyz\n')
      })
    })
    continueOnRead(server)
    const address = await listen(server, config)
    await output.item({ listening: address }, `Mediakeep serves ${config.data} on ${address}/media`)
    await stopped(context.signal)
    output.note('stopping: requests under way may end')
    await drain(server)
    return DONE
  } finally {
    await store.close({ graceMs: DRAIN_MS })
  }
}

function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE')
        reject(new UsageError(`port ${port} is in use: stop what listens there, or give --port`))
      else if (error.code === 'EACCES')
        reject(new UsageError(`port ${port} may not be opened by this user: give --port`))
      else reject(error)
    })
    server.listen(port, host, () => {
      const address = server.address()
      const actual = typeof address === 'object' && address !== null ? address.port : port
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${actual}`)
    })
  })
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function drain(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve))
  server.closeIdleConnections()
  // A connection becomes idle when its request ends; nobody else closes it then.
  const idle = setInterval(() => server.closeIdleConnections(), 100)
  const deadline = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/** A page of another site can reach loopback under a name of its own: that name is not ours. */
function isOurs(host: string | undefined): boolean {
  return isLoopback((host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, ''))
}
