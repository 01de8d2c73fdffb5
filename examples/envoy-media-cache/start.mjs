// Envoy, the gate, Redis, a MinIO as cache and an S3 server as archive, by one command and until Ctrl-C: media that lie in the archive
// alone are asked for through Envoy, are loading, and then ready. What is yours to keep: app.mjs, mediakeep.config.json, envoy.mjs.
import { setTimeout as delay } from 'node:timers/promises'
import { fetchMedia } from '@mediakeep/client'
import { openApp } from './app.mjs'
import { envoyConfig } from './envoy.mjs'
import { startGate } from './gate.mjs'
import { drawPicture, pictureNames } from './pictures.mjs'
import { missingServers, startServers } from './servers.mjs'
import { createStage } from './stage.mjs'

/** The page has the rest, and those that it adds. */
const PICTURES_IN_TERMINAL = 3
const REQUESTS_EACH = 4

const port = Number(process.env.PORT ?? 10_000)
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  console.error(`PORT=${process.env.PORT} is not a port: give a number from 0 to 65535.`)
  process.exit(2)
}
const missing = missingServers()
if (missing.length > 0) {
  console.error(`${missing.join('\n')}\n\nTo install what is missing: node scripts/servers.mjs`)
  process.exit(2)
}

// What the SDK says of Node versions to come is not about this example.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'

const stage = createStage()
await stage.run(async () => {
  const servers = await startServers(stage, port)
  const { ports, addresses, folder, settings, env } = servers
  const app = await openApp({ folder, settings, env, port: ports.app })
  stage.atEnd(() => app.close())
  const gate = await startGate({ folder, env })
  stage.atEnd(() => gate.stop())
  for (const name of pictureNames) await app.put(name, drawPicture(name))
  const base = await servers.startEnvoy(
    envoyConfig({ ...ports, gate: gate.port, fallback: gate.fallbackPort }),
  )

  const rows = [
    ['Envoy', base],
    ['gate (gRPC)', `127.0.0.1:${gate.port}`],
    ['cache (MinIO)', addresses.cache],
    ['archive (S3)', addresses.archive],
    ['Redis', addresses.redis],
    ['app', `http://127.0.0.1:${ports.app}`],
  ]
  for (const [name, address] of rows) console.log(`  ${name.padEnd(14)} ${address}`)
  console.log(
    `\n${pictureNames.length} pictures lie in the archive alone. Asking Envoy for ${PICTURES_IN_TERMINAL} of them:`,
  )

  for (const name of pictureNames.slice(0, PICTURES_IN_TERMINAL)) {
    const url = `${base}${app.pathOf(name)}`
    // All at once: those who come while it loads wait for the same load.
    await Promise.all(Array.from({ length: REQUESTS_EACH }, (_, number) => show(url, name, number === 0)))
  }
  const { reads, dollars } = await written(app, PICTURES_IN_TERMINAL)
  console.log(
    `\n${PICTURES_IN_TERMINAL * REQUESTS_EACH} clients, ${PICTURES_IN_TERMINAL} pictures: ${reads} paid reads of the archive, $${dollars.toFixed(6)}`,
  )
  console.log(`\nThe page: ${base}/page/\nCtrl-C ends everything.`)
})

/** The gate adds what it read to the ledger every few seconds. */
async function written(app, least) {
  for (;;) {
    const paid = await app.paidReads()
    if (paid.reads >= least) return paid
    await delay(200, undefined, { signal: stage.signal })
  }
}

async function show(url, name, isTold) {
  const response = await fetchMedia(url, {
    signal: stage.signal,
    onWait({ waitMs, status }) {
      if (isTold)
        console.log(`  ${name.padEnd(10)} loading (${status}, retry after ${Math.round(waitMs / 1_000)} s)`)
    },
  })
  const { byteLength } = await response.arrayBuffer()
  if (!response.ok) throw new Error(`${name}: Envoy answered ${response.status}`)
  if (isTold)
    console.log(`  ${name.padEnd(10)} ready from the cache (${response.status}, ${byteLength} bytes)`)
}
