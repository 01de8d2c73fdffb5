// Every way in: a media store behind Express, and a page that uploads through each of its doors.
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { continueOnRead, drainServer, loopbackOnly, mediaRouter, openAccess } from '@mediakeep/express'
import express from 'express'
import { openMediaStore } from 'mediakeep'
import { bucketOf } from './bucket.mjs'
import { bundlePage } from './bundle.mjs'

const port = Number(process.env.PORT ?? 3000)
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`PORT=${process.env.PORT} is not a port: give a number from 0 to 65535.`)
  process.exit(2)
}
const bucket = bucketOf(process.env)
const store = await openMediaStore(process.env.MEDIAKEEP_DATA ?? './data-uploads', {
  ...(bucket !== undefined && { tiers: [bucket.tier] }),
})

const policy = `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ${bucket?.origin ?? ''}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
const pageHeaders = {
  'Content-Security-Policy': policy,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-cache',
}
const { script, map } = await bundlePage()

const app = express().disable('x-powered-by')
app.use(loopbackOnly())
app.use('/media', mediaRouter(store, { access: openAccess(), onError: (error) => console.error(error) }))
app.use((_request, response, next) => {
  response.set(pageHeaders)
  next()
})
app.get('/settings.json', (_request, response) => response.json({ hasBucket: bucket !== undefined }))
app.get('/page.js', (_request, response) => response.type('text/javascript').send(script))
app.get('/page.js.map', (_request, response) => response.type('application/json').send(map))
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))))

const server = continueOnRead(createServer(app))
// Node ends what takes longer than five minutes; the router itself ends a body that stands still.
server.requestTimeout = 0
server.once('error', (error) => {
  console.error(
    error.code === 'EADDRINUSE' ? `Port ${port} is in use: PORT=${port + 1} is another one.` : error,
  )
  process.exit(2)
})
// On this machine alone: openAccess() lets everybody who reaches it read and delete everything.
server.listen(port, '127.0.0.1', () => {
  console.log(`The page of uploads listens on http://127.0.0.1:${server.address().port}
Direct uploads go ${bucket === undefined ? 'through this server; MINIO_ENDPOINT names a bucket' : `to ${bucket.origin}`}. Ctrl-C ends it.`)
})

/** npm passes a Ctrl-C on to its child, which has had it from the terminal already: that is one signal, not two. */
const SAME_SIGNAL_MS = 2_000
let stoppedAtMs
async function stop() {
  if (stoppedAtMs !== undefined) {
    if (performance.now() - stoppedAtMs > SAME_SIGNAL_MS) process.exit(1)
    return
  }
  stoppedAtMs = performance.now()
  await drainServer(server, { graceMs: 1_000 })
  await store.close()
  process.exit(0)
}
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop())
