// One gRPC server of one kind, in a process of its own: node server.mjs kind [path asked for].
import { createServer } from 'node:http'
import { join } from 'node:path'
import grpc from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import { openRedisStates } from '@mediakeep/adapters/redis'
import { createMediaStore, memoryCatalog, memoryStore } from '@mediakeep/core'
import { createGrpcServer, extAuthzServer, gateRouter } from '@mediakeep/envoy'
import { startRedis } from '../../scripts/redis.mjs'
import { answerParent } from '../harness/worker.mjs'

const READY = Object.freeze({
  kind: 'forward',
  requestHeaders: ['x-media-state', 'ready'],
  removeRequestHeaders: [],
  responseHeaders: [],
  replaceResponseHeaders: [],
  facts: { state: 'ready', ttlMs: 1_000 },
})

const KINDS = {
  /** The shortest way there is in Node without us: messages as objects, one answer for everything. */
  async 'grpc-js, proto-loader'() {
    const definition = await load(join(import.meta.dirname, 'ext_authz.proto'), { keepCase: true })
    const { envoy } = grpc.loadPackageDefinition(definition)
    const server = new grpc.Server()
    const headers = [{ header: { key: 'x-media-state', value: 'ready' }, append_action: 2 }]
    server.addService(envoy.service.auth.v3.Authorization.service, {
      Check: (_call, respond) => respond(null, { status: { code: 0 }, ok_response: { headers } }),
    })
    const port = await new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
    return { port, path: '/media/ready' }
  },
  /** Codec and transport of ours, one answer for everything. */
  async 'ours, always allow'() {
    const { port } = await createGrpcServer({ check: () => READY, close: () => {} }).listen({ port: 0 })
    return { port, path: '/media/ready' }
  },
  /** The whole of ours: a path, a name, a principal, what is known of it. */
  async ours() {
    const { store, path } = await openStore()
    const { port } = await extAuthzServer({ store, authorize: () => true }).listen({ port: 0 })
    return { port, path }
  },
  /** The same, and nothing is remembered: a look into the catalog for each check. */
  async 'ours, not cached'() {
    const { store, path } = await openStore()
    const server = extAuthzServer({ store, authorize: () => true, decisionCache: false })
    return { port: (await server.listen({ port: 0 })).port, path }
  },
  /** The same, and a Redis is asked too. Checks of one name that come together are one look, and wait for one answer of it. */
  async 'ours, Redis per check'() {
    const { store, path, id } = await openStore()
    const redis = await startRedis()
    const states = await openRedisStates({ url: redis.url })
    const asking = {
      ...store,
      async locate(ref) {
        const [found] = await Promise.all([store.locate(ref), states.read([id])])
        return found
      },
    }
    const server = extAuthzServer({ store: asking, authorize: () => true, decisionCache: false })
    return { port: (await server.listen({ port: 0 })).port, path }
  },
  /** The whole of ours, asked over HTTP/1.1. */
  async 'ours, over HTTP'() {
    const { store, path } = await openStore()
    const server = createServer(gateRouter({ store, authorize: () => true, proxy: 'envoy' }))
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
    return { port: server.address().port, path }
  },
}

async function openStore() {
  const store = await createMediaStore({
    tiers: [{ name: 'memory', store: memoryStore() }],
    catalog: memoryCatalog(),
  })
  const { id } = await store.put(Buffer.from('a'), { filename: 'a.txt', visibility: 'public' })
  return { store, id, path: `/media/${id}/content` }
}

const kind = process.argv[2]
const make = KINDS[kind]
if (make === undefined) throw new Error(`no such server: ${kind}`)
const hello = await make()
answerParent(() => ({}), hello)
