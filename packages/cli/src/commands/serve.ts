import { createServer, type Server } from 'node:http'
import { newId, requestIdOf } from '@mediakeep/core'
import {
  continueOnRead,
  drainServer,
  healthRouter,
  isLoopback,
  loopbackOnly,
  mediaRouter,
  openAccess,
} from '@mediakeep/express'
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
  const store = await openConfigured(context, 'background')
  try {
    const media = mediaRouter(store, { access: openAccess(), basePath: '/media' })
    const health = healthRouter(store)
    const ownOnly = loopbackOnly()
    const server = createServer((request, response) => {
      ownOnly(request, response, () =>
        media(request, response, () =>
          health(request, response, () =>
            response
              .writeHead(404, {
                'content-type': 'text/plain; charset=utf-8',
                'x-content-type-options': 'nosniff',
                'x-request-id': requestIdOf(request.headers['x-request-id'], () => newId(Date.now())),
              })
              .end('media are at /media, health at /healthz and /readyz\n'),
          ),
        ),
      )
    })
    continueOnRead(server)
    const address = await listen(server, config)
    await output.item({ listening: address }, `Mediakeep serves ${config.data} on ${address}/media`)
    await stopped(context.signal)
    output.note('stopping: requests under way may end')
    await drainServer(server, { graceMs: DRAIN_MS })
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
