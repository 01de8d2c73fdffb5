import { createServer } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drainServer, loopbackOnly, mediaRouter, openAccess } from '@mediakeep/express'
import express from 'express'
import { openMediaStore } from 'mediakeep'
import { drawPicture, MAX_PICTURES, nameOfNumber, pictureNames } from './pictures.mjs'

const publicFolder = fileURLToPath(new URL('public', import.meta.url))
const clientFile = fileURLToPath(import.meta.resolve('@mediakeep/client'))
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The host: it puts media, answers for what no bucket has, and serves the page. Envoy stands in front of it. */
export async function openApp({ folder, settings, env, port }) {
  const { tiers, redisUrl, publicBaseUrl } = settings
  const store = await openMediaStore(join(folder, 'data'), { tiers, redisUrl, publicBaseUrl, env })
  const names = []
  const pathOf = (name) => `/media/k/pictures/${name}.png`
  async function put(name, png) {
    // Public: the gate lets everybody read it, and Envoy's cache may keep it.
    await store.put(png, {
      at: { key: `pictures/${name}.png` },
      filename: `${name}.png`,
      visibility: 'public',
    })
    names.push(name)
  }
  /** Requests for bytes of media in the archive, by the ledger; what a process asks to see whether the archive is there is none. */
  async function paidReads() {
    const { rows } = await store.tiers.costs()
    const reads = rows.filter((row) => row.tier === 'archive' && row.class === 'get' && row.cause !== 'probe')
    const sumOf = (member) => reads.reduce((sum, row) => sum + row[member], 0)
    return { reads: sumOf('calls'), dollars: sumOf('dollars') }
  }
  const listed = async () => ({
    pictures: names.map((name) => ({ name, path: pathOf(name) })),
    isFull: names.length >= MAX_PICTURES,
    paid: await paidReads(),
  })

  const app = express().disable('x-powered-by')
  app.use(loopbackOnly())
  app.use('/media', mediaRouter(store, { access: openAccess() }))
  app.use('/page', (_request, response, next) => {
    response.set({
      'Content-Security-Policy': policy,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    })
    next()
  })
  app.get('/page/pictures', async (_request, response) => {
    response.json(await listed())
  })
  let drawing = pictureNames.length
  app.post('/page/pictures', async (_request, response) => {
    if (drawing >= MAX_PICTURES) return response.status(409).json(await listed())
    const name = nameOfNumber(drawing++)
    await put(name, drawPicture(name))
    response.status(201).json(await listed())
  })
  app.get('/page/mediakeep-client.js', (_request, response) => response.sendFile(clientFile))
  app.use('/page', express.static(publicFolder))

  const server = createServer(app)
  await new Promise((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve))
  return {
    put,
    pathOf,
    paidReads,
    async close() {
      await drainServer(server, { graceMs: 1_000 })
      await store.close({ graceMs: 1_000 })
    },
  }
}
