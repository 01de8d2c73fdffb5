import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { s3Store } from '@mediakeep/adapters/s3'
import { createMediaStore, type MediaStore, memoryCatalog, memoryStore } from '@mediakeep/core'
import {
  type BucketUpstreamOptions,
  bucketUpstream,
  type ExtAuthzServer,
  extAuthzServer,
  gateFallback,
} from '@mediakeep/envoy'
import { mediaRouter, ownersOnly } from '@mediakeep/express'
import { freePorts, type RunningEnvoy, startEnvoy } from '../../scripts/envoy.mjs'
import { type ObjectServer, startMinio } from '../../scripts/lib/object-servers.mjs'
import { mediaCacheOn } from './config.ts'

/** Envoy by the shipped configuration before a real MinIO that holds one tier, and before the app's own content route. */
export interface BucketStage {
  /** Of Envoy. */
  readonly port: number
  /** Of the app's content route, past the gate. */
  readonly appPort: number
  readonly minio: ObjectServer
  readonly store: MediaStore
  readonly gate: ExtAuthzServer
  readonly envoy: RunningEnvoy
  close(): Promise<void>
}

export interface BucketStageOptions {
  /** Default: a signature in headers, for the bucket's own host. */
  readonly upstream?: Partial<BucketUpstreamOptions>
  readonly change?: (config: string) => string
}

/** @returns a stage on which media go to the bucket (tier `cache`), but those of type text/csv, which stay in the app (tier `app`) */
export async function startBucketStage(options: BucketStageOptions = {}): Promise<BucketStage> {
  /** How each part ends, in the order they began. */
  const ends: (() => Promise<unknown>)[] = []
  const close = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end()
  }
  try {
    return { ...(await startParts(options, ends)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function startParts(
  options: BucketStageOptions,
  ends: (() => Promise<unknown>)[],
): Promise<Omit<BucketStage, 'close'>> {
  const { upstream = {}, change = (config: string) => config } = options
  const minio = await startMinio()
  ends.push(() => minio.stop())
  const { accessKeyId, secretAccessKey } = minio
  const bucket = s3Store({
    bucket: 'media',
    prefix: 'some/where',
    endpoint: minio.endpoint,
    region: minio.region,
    credentials: { accessKeyId, secretAccessKey },
    paid: false,
  })
  await bucket.setUpBucket()
  const store = await createMediaStore({
    tiers: [
      { name: 'cache', store: bucket },
      { name: 'app', store: memoryStore({ name: 'app' }) },
    ],
    catalog: memoryCatalog(),
    upkeep: { intervalMs: 0 },
    publicBaseUrl: 'http://cdn.example/media',
    policies: [{ match: '*', allowUnrecognised: true }],
    tiering: { rules: [{ name: 'tables', match: { contentType: 'text/csv' }, tiers: ['app'] }] },
  })
  ends.push(() => store.close({ graceMs: 1_000 }))
  const access = ownersOnly({
    authenticate: ({ headers }) =>
      headers['x-user'] === undefined ? undefined : { id: String(headers['x-user']) },
  })
  const app = await listening(mediaRouter(store, { access, basePath: '/media' }), ends)
  const fallback = await listening(gateFallback({ store }), ends)
  const gate = extAuthzServer({
    store,
    authorize: access.authorize,
    upstreams: {
      cache: bucketUpstream({
        host: `127.0.0.1:${minio.port}`,
        bucket: 'media',
        prefix: 'some/where',
        region: minio.region,
        credentials: { accessKey: accessKeyId, secretKey: secretAccessKey },
        ...upstream,
      }),
    },
  })
  ends.push(() => gate.close({ graceMs: 100 }))
  const { port: gatePort = 0 } = await gate.listen({ port: 0 })
  const [listener = 0, admin = 0] = await freePorts(2)
  const ports = {
    listener,
    admin,
    gate: gatePort,
    bucket: minio.port,
    fallback: portOf(fallback),
    app: portOf(app),
  }
  const envoy = await startEnvoy(change(mediaCacheOn(ports)), { adminPort: admin })
  ends.push(() => envoy.stop())
  return { port: listener, appPort: portOf(app), minio, store, gate, envoy }
}

async function listening(listener: RequestListener, ends: (() => Promise<unknown>)[]): Promise<Server> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => {
    server.closeAllConnections()
    server.close()
    return once(server, 'close')
  })
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port
