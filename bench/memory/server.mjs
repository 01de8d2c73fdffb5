// node server.mjs setup.json: our router, or a bare pipeline to disk, with eyes on its event loop.
import { createWriteStream, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { pipeline } from 'node:stream/promises'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createMediaStore, systemClock } from '@mediakeep/core'
import { mediaRouter } from '@mediakeep/express'
import { answerParent } from '../harness/worker.mjs'

const { kind, state } = JSON.parse(readFileSync(process.argv[2], 'utf8'))

const KINDS = {
  async ours() {
    let aheadMs = 0
    const clock = { ...systemClock, now: () => Date.now() + aheadMs }
    const store = await createMediaStore({
      clock,
      tiers: [{ name: 'disk', store: fsStore({ root: join(state, 'volume'), clock }) }],
      catalog: sqliteCatalog({ file: join(state, 'catalog.sqlite'), clock }),
      limits: { maxOpenUploads: 1_000 },
      policies: [{ match: '*', allowUnrecognised: true }],
      upkeep: { garbageGraceMs: 0, intervalMs: 0 },
    })
    const principal = { id: 'bench' }
    const access = { authenticate: async () => principal, authorize: async () => true }
    const router = mediaRouter(store, { access, basePath: '/media' })
    return {
      listener: (request, response) => router(request, response),
      path: '/media',
      async empty() {
        for await (const media of store.listAll()) await store.delete(media.id)
        // No record is left: without force the collector takes this for the wrong catalog.
        const everything = { graceMs: 0, force: true }
        for await (const _ of store.upkeep.collectGarbage(everything));
        for await (const _ of store.upkeep.collectGarbage(everything));
      },
      /** The sweep, when all that was abandoned has run out; answers what is left of it. */
      async sweep() {
        aheadMs += 48 * 3_600_000
        for await (const _ of store.upkeep.expire());
        const tiers = await store.tiers.status()
        const reserved = tiers.flatMap(({ volumes }) => volumes.map(({ reservedBytes }) => reservedBytes))
        return {
          sessions: (await store.uploads.list()).length,
          stagedFiles: readdirSync(join(state, 'volume/staging')).length,
          reservedBytes: reserved.reduce((sum, bytes) => sum + bytes, 0),
        }
      },
      close: () => store.close(),
    }
  },
  /** The least a server can do: what arrives goes to a file. No hash, no sync, no name. */
  async 'bare pipeline'() {
    let count = 0
    const files = []
    return {
      async listener(request, response) {
        const path = join(state, `body-${count++}`)
        files.push(path)
        await pipeline(request, createWriteStream(path))
        response.writeHead(201).end('{}')
      },
      path: '/',
      async empty() {
        for (const path of files.splice(0)) rmSync(path, { force: true })
      },
      close: async () => {},
    }
  },
}

const { listener, path, empty, sweep, close } = await KINDS[kind]()
// Connections rest while the other server has its turn. One that the server ends then may be taken for the next upload.
const server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 }, listener)
// Samples every millisecond: a delay of 1 ms is a loop at rest.
const delay = monitorEventLoopDelay({ resolution: 1 })

const ACTS = {
  watch() {
    delay.reset()
    delay.enable()
  },
  seen() {
    delay.disable()
    return { p50Ms: delay.percentile(50) / 1e6, p99Ms: delay.percentile(99) / 1e6, maxMs: delay.max / 1e6 }
  },
  empty,
  sweep,
  async close() {
    server.closeAllConnections()
    server.close()
    await close()
  },
}

server.listen(0, '127.0.0.1', () => {
  answerParent(async ({ act }) => (await ACTS[act]()) ?? {}, { port: server.address().port, path })
})
