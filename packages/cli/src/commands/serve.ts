import { createServer } from 'node:http'
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
import { listenOn } from './listen.ts'
import { stopped } from './stopped.ts'

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
    // Node ends what takes longer than five minutes; the router itself ends a body that stands still.
    server.requestTimeout = 0
    const address = await listenOn(server, config)
    await output.item({ listening: address }, `Mediakeep serves ${config.data} on ${address}/media`)
    await stopped(context.signal)
    output.note('stopping: requests under way may end')
    await drainServer(server, { graceMs: DRAIN_MS })
    return DONE
  } finally {
    await store.close({ graceMs: DRAIN_MS })
  }
}
