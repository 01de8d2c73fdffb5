// What any small server needs and no media store has an opinion on: settings, listening, stopping.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { continueOnRead, drainServer, isLoopback } from '@mediakeep/express'

export const publicFolder = fileURLToPath(new URL('public', import.meta.url))

/** Wrong settings end the program before anything is opened: one sentence, exit code 2. */
function refuse(sentence) {
  console.error(sentence)
  process.exit(2)
}

/** The host when only this machine can reach it. With open access everybody who reaches the server may delete everything. */
export function loopbackHost(host) {
  if (isLoopback(host)) return host
  refuse(
    `HOST=${host} would let everybody on the network read and delete your media, for this example asks nobody who they are. ` +
      'Keep HOST at 127.0.0.1, or copy the example and give mediaRouter an `access` of your own (docs/guide/express.md).',
  )
}

/** @throws nothing: a number that is no port ends the program. 0 takes any free port. */
export function portNumber(text) {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  refuse(`PORT=${text} is not a port: give a number from 0 to 65535.`)
}

/** The page needs nothing but itself: no other site, no inline script. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export function pageHeaders(response) {
  response.setHeader('Content-Security-Policy', contentSecurityPolicy)
  response.setHeader('X-Content-Type-Options', 'nosniff')
  response.setHeader('Referrer-Policy', 'no-referrer')
  response.setHeader('Cache-Control', 'no-cache')
}

/** What went wrong here and not at the client: the request id is the one it was told. */
export function logFailure(error, { requestId, method, path }) {
  console.error(`${new Date().toISOString()} ${requestId} ${method} ${path}`, error)
}

/** Resolves once connections are taken. A taken port ends the program with the way out. */
export function listen(app, { port, host }) {
  return new Promise((resolve, reject) => {
    const server = continueOnRead(createServer(app))
    // Node ends what takes longer than five minutes; the router itself ends a body that stands still.
    server.requestTimeout = 0
    server.once('error', (error) => {
      if (error.code !== 'EADDRINUSE') return reject(error)
      refuse(`Port ${port} is in use. Stop what listens there, or choose another: PORT=${port + 1} npm start`)
    })
    server.listen(port, host, () => {
      const name = host.includes(':') ? `[${host}]` : host
      resolve({ server, url: `http://${name}:${server.address().port}` })
    })
  })
}

/** npm passes a Ctrl-C on to its child, which has had it from the terminal already: that is one signal, not two. */
const SAME_SIGNAL_MS = 2_000

/**
 * SIGTERM or Ctrl-C: no new connections, requests under way end, the store closes, exit 0.
 * A later signal ends the program at once.
 */
export function stopOnSignals(server, store) {
  let stoppedAtMs
  const stop = async () => {
    if (stoppedAtMs !== undefined) {
      if (performance.now() - stoppedAtMs > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    stoppedAtMs = performance.now()
    await drainServer(server)
    await store.close()
    process.exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop())
}
