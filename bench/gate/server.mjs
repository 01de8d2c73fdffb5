// One gRPC server of one kind, in a process of its own: node server.mjs kind [path asked for].
import { join } from 'node:path'
import grpc from '@grpc/grpc-js'
import { load } from '@grpc/proto-loader'
import { createMediaStore, memoryCatalog, memoryStore } from '@mediakeep/core'
import { createGrpcServer, extAuthzServer } from '@mediakeep/envoy'
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
  /** The whole of ours: a path, a name, a principal, a cached decision. */
  async ours() {
    const store = await createMediaStore({
      tiers: [{ name: 'memory', store: memoryStore() }],
      catalog: memoryCatalog(),
    })
    const { id } = await store.put(Buffer.from('a'), { filename: 'a.txt', visibility: 'public' })
    const { port } = await extAuthzServer({ store, authorize: () => true }).listen({ port: 0 })
    return { port, path: `/media/${id}/content` }
  },
}

const kind = process.argv[2]
const make = KINDS[kind]
if (make === undefined) throw new Error(`no such server: ${kind}`)
const hello = await make()
answerParent(() => ({}), hello)
