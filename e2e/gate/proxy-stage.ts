import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http'
import { s3Store } from '@mediakeep/adapters/s3'
import {
  createMediaStore,
  type Media,
  type MediaLocation,
  type MediaStore,
  memoryCatalog,
  memoryStore,
} from '@mediakeep/core'
import {
  bucketUpstream,
  createGate,
  type GateStore,
  gateRouter,
  oauth2ProxyIdentity,
  type Proxy,
} from '@mediakeep/envoy'
import { mediaRouter, ownersOnly } from '@mediakeep/express'
import { type ObjectServer, startMinio } from '../../scripts/lib/object-servers.mjs'
import type { Addresses } from './proxies.ts'

/** The address that OAuth2 Proxy has here; all others are clients. */
export const SIGN_IN_PROXY = '127.0.0.7'
export const BYTES: Buffer = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz')

export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Ask {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** The client's address. */
  readonly from?: string
}

/** A listener that can be stopped and started again on its port. */
interface Part {
  readonly port: number
  readonly asked: Asked[]
  stop(): Promise<void>
  start(): Promise<void>
}

export interface Stage {
  readonly minio: ObjectServer
  readonly store: MediaStore
  readonly addresses: Addresses
  readonly gateDoor: Part
  /** A gate that sends all to the application, as it came. */
  readonly plainDoor: Part
  readonly content: Part
  readonly bucket: Part
  /** In the bucket: `text`; served by the application: `image`; private, of ann: `secret`. */
  readonly media: Readonly<Record<'text' | 'image' | 'secret', Media>>
  /** Takes an object away without a word to the store. */
  removeObject(key: string): Promise<void>
  stop(): Promise<void>
}

/** A MinIO, an application, a gate for one kind of proxy, and media in both places. */
export async function startStage(proxy: Proxy, prefix: string): Promise<Stage> {
  const minio = await startMinio()
  // Between the proxy and the bucket, to see what is asked for.
  const bucket = await startPart((request, response) => {
    const { method, url, headers } = request
    const sent = httpRequest({ host: minio.host, port: minio.port, method, path: url, headers })
    sent.once('error', () => response.destroy())
    sent.once('response', (found) => {
      response.writeHead(found.statusCode ?? 500, found.rawHeaders)
      found.pipe(response)
    })
    request.pipe(sent)
  })
  const objects = s3Store({
    bucket: 'media',
    prefix,
    endpoint: minio.endpoint,
    region: minio.region,
    credentials: { accessKeyId: minio.accessKeyId, secretAccessKey: minio.secretAccessKey },
  })
  await objects.setUpBucket()
  const store = await createMediaStore({
    tiers: [
      { name: 'memory', store: memoryStore() },
      { name: 'minio', store: objects },
    ],
    tiering: { rules: [{ name: 'texts', match: { contentType: 'text/*' }, tiers: ['minio'] }] },
    catalog: memoryCatalog(),
    upkeep: { intervalMs: 0 },
    publicBaseUrl: 'http://media.example/media',
  })
  const isPublic = { visibility: 'public', owner: 'ann' } as const
  const media = {
    text: await store.put(BYTES, { ...isPublic, filename: 'día.txt', at: { key: 'text/a b.txt' } }),
    image: await store.put(PNG, { ...isPublic, filename: 'a.png', at: { key: 'image' } }),
    secret: await store.put(Buffer.from('of ann'), {
      filename: 's.txt',
      owner: 'ann',
      at: { key: 'secret' },
    }),
  }
  const { authorize } = ownersOnly({ authenticate: () => undefined })
  const host = `127.0.0.1:${bucket.port}`
  const settings = {
    store: withStates(store, media.text),
    authorize,
    authenticate: oauth2ProxyIdentity({ trustedProxies: [SIGN_IN_PROXY] }),
    signIn: { url: 'https://auth.example/oauth2/start', returnHosts: ['media.example'] },
    decisionCache: { readyTtlMs: 200, missingTtlMs: 200 },
  }
  const gate = createGate({
    ...settings,
    contentRoute: 'signed',
    upstreams: {
      minio: bucketUpstream({
        host,
        bucket: 'media',
        prefix,
        credentials: { accessKey: minio.accessKeyId, secretKey: minio.secretAccessKey },
      }),
    },
  })
  const gateDoor = await startPart(gateRouter({ gate, proxy }))
  const plainRouter = gateRouter({ ...settings, proxy })
  const plainDoor = await startPart(plainRouter)
  const content = await startPart(
    mediaRouter(store, { basePath: '/media', access: ownersOnly({ authenticate: () => undefined }) }),
  )
  return {
    minio,
    store,
    gateDoor,
    plainDoor,
    content,
    bucket,
    media,
    addresses: { gate: `127.0.0.1:${gateDoor.port}`, content: `127.0.0.1:${content.port}`, bucket: host },
    removeObject: (key) => objects.delete(key),
    async stop() {
      for (const part of [gateDoor, plainDoor, content, bucket]) await part.stop()
      plainRouter.close()
      gate.close()
      await store.close()
      await minio.stop()
    },
  }
}

const PNG = Buffer.from(
  '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000b49444154789c6360000200000500017a5eab3f0000000049454e44ae426082',
  'hex',
)

/** The store, in which keys below `state/` are in the state that they name. */
function withStates(store: MediaStore, media: Media): GateStore {
  const states: Readonly<Record<string, MediaLocation>> = {
    'state/loading': { media, availability: { state: 'loading', retryAfterMs: 4_000 }, names: [] },
    'state/failed': { media, availability: { state: 'failed', retryAfterMs: 9_000, reason: 'x' }, names: [] },
    'state/held': { media, availability: { state: 'held', reason: 'quarantined' }, names: [] },
  }
  return {
    availability: (ref) => store.availability(ref),
    warm: (ref) => store.warm(ref),
    stat: (ref) => store.stat(ref),
    url: (ref, options) => store.url(ref, options),
    verifyUrl: (id, query) => store.verifyUrl(id, query),
    watch: (listener, options) => store.watch(listener, options),
    async locate(ref, options) {
      const known = typeof ref === 'string' ? undefined : states[ref.key]
      return known ?? store.locate(ref, options)
    },
  }
}

async function startPart(listener: RequestListener): Promise<Part> {
  const asked: Asked[] = []
  let server: Server | undefined
  const start = async (port = 0): Promise<number> => {
    server = createServer((request, response) => {
      const { method = '', url = '', headers } = request
      asked.push({ method, url, headers })
      listener(request, response)
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return address === null || typeof address === 'string' ? 0 : address.port
  }
  const port = await start()
  return {
    port,
    asked,
    async start() {
      await start(port)
    },
    async stop() {
      const ending = server
      server = undefined
      if (ending === undefined) return
      ending.closeAllConnections()
      await new Promise((resolve) => ending.close(resolve))
    },
  }
}

/** One request on a connection of its own, its path as it is given. */
export function ask(port: number, path: string, options: Ask = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, from = '127.0.0.1' } = options
  return new Promise((resolve, reject) => {
    const to = { port, host: '127.0.0.1', localAddress: from, agent: false, method, path }
    const sent = httpRequest({ ...to, headers: { host: 'media.example', ...headers } })
    sent.once('error', reject).once('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject)
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      )
    })
    sent.end()
  })
}
