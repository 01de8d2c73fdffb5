// The quick start: a media store behind Express. Everything above `const app` is settings, everything below it is yours to keep.
import { healthRouter, loopbackOnly, mediaRouter, openAccess } from '@mediakeep/express'
import express from 'express'
import { openMediaStore } from 'mediakeep'
import {
  listen,
  logFailure,
  loopbackHost,
  pageHeaders,
  portNumber,
  publicFolder,
  stopOnSignals,
} from './shell.mjs'

const host = loopbackHost(process.env.HOST ?? '127.0.0.1')
const port = portNumber(process.env.PORT ?? '3000')
const store = await openMediaStore(process.env.MEDIAKEEP_DATA ?? './data')

const app = express().disable('x-powered-by')
app.use(loopbackOnly())
app.use('/media', mediaRouter(store, { access: openAccess(), onError: logFailure }))
app.use(healthRouter(store))
app.get('/api/usage', async (_request, response) => {
  response.set('Cache-Control', 'no-store').json(await store.usage('tier'))
})
app.use(express.static(publicFolder, { setHeaders: pageHeaders }))

const { server, url } = await listen(app, { port, host })
stopOnSignals(server, store)

console.log(`Mediakeep listens on ${url}

Three things to try:
  open  ${url}
  curl  -F file=@photo.jpg ${url}/media
  curl  -T video.mp4 ${url}/media/k/videos/video.mp4`)
