import { readFile } from 'node:fs/promises'
import { createServer, type RequestListener, type Server } from 'node:http'
import { join, resolve } from 'node:path'
import { badOption, type KeyRing } from '@mediakeep/core'
import {
  bucketUpstream,
  createGate,
  createGrpcServer,
  type GateOptions,
  type GateStore,
  gateFallback,
  gateRouter,
  httpGateStore,
  keysUnder,
  mediaRoutes,
  oauth2ProxyIdentity,
  type Upstream,
} from '@mediakeep/envoy'
import { drainServer, ownersOnly } from '@mediakeep/express'
import type { GateSettings } from '../config/gate-settings.ts'
import { DONE, type ExitCode, UsageError } from '../exit-codes.ts'
import { keyRingOf } from '../key-file.ts'
import type { StoreAddress } from '../stores/address.ts'
import { configuredTiers } from '../stores/configured.ts'
import { given, minioCredentials, s3Credentials } from '../stores/credentials.ts'
import { type CommandContext, openConfigured } from './context.ts'
import { listenOn } from './listen.ts'
import { stopped } from './stopped.ts'

export interface GateFlags {
  readonly port?: string
  readonly httpPort?: string
  readonly fallbackPort?: string
  readonly socket?: string
  readonly proxy?: string
  readonly mediaUrl?: string
}

const GRPC_PORT = 9191
const DRAIN_MS = 10_000

/**
 * `gate`: answers proxies whether media is ready, loading or missing, over gRPC, and over HTTP where a port for it is given, until
 * SIGTERM or Ctrl-C; then it drains. With a media service's address it asks that, else the configured catalog and stores.
 */
export async function gateCommand(context: CommandContext, flags: GateFlags): Promise<ExitCode> {
  const { config, output } = context
  const settings = { ...config.gate, ...givenFlags(flags) }
  // Settings that do not fit are told before anything is opened.
  const options = gateOptions(context, settings)
  const { store, close } = await openStore(context, settings)
  const gate = createGate({ ...options, store })
  const ends: (() => Promise<void>)[] = []
  try {
    const tell = async (what: string, address: string): Promise<void> =>
      output.item({ listening: address, what }, `Mediakeep's gate answers ${what} on ${address}`)
    const serve = async (port: number, what: string, listener: RequestListener): Promise<void> => {
      const server: Server = createServer(listener)
      const address = await listenOn(server, { host: config.host, port })
      ends.push(() => drainServer(server, { graceMs: DRAIN_MS }))
      await tell(what, address)
    }
    const { httpPort, fallbackPort, socket, port, proxy = 'envoy', trustedProxies } = settings
    if (httpPort !== undefined) {
      const trusted = trustedProxies === undefined ? {} : { trustedProxies }
      await serve(httpPort, `${proxy} over HTTP`, gateRouter({ gate, proxy, ...trusted }))
    }
    if (fallbackPort !== undefined) await serve(fallbackPort, 'in place of a store', gateFallback({ store }))
    if (socket !== undefined || port !== undefined || httpPort === undefined) {
      const where = socket === undefined ? { port: port ?? GRPC_PORT, host: config.host } : { path: socket }
      const listening = await createGrpcServer(gate).listen(where)
      ends.push(() => listening.close({ graceMs: DRAIN_MS }))
      await tell('Envoy over gRPC', listening.address)
    }
    await stopped(context.signal)
    output.note('stopping: checks under way may end')
    return DONE
  } finally {
    await Promise.allSettled(ends.map((end) => end()))
    gate.close()
    await close()
  }
}

/** What was given on the command line, as the settings have it. */
function givenFlags({ port, httpPort, fallbackPort, socket, proxy, mediaUrl }: GateFlags): GateSettings {
  const numbers = Object.entries({ port, httpPort, fallbackPort }).flatMap(([name, text]) => {
    if (text === undefined) return []
    const number = Number(text)
    if (!/^[0-9]{1,5}$/.test(text) || number > 65_535) throw new UsageError(`${name}: "${text}" is no port`)
    return [[name, number] as const]
  })
  if (proxy !== undefined && !isProxy(proxy))
    throw new UsageError(`--proxy: "${proxy}" is none of envoy, nginx, traefik, caddy`)
  return {
    ...Object.fromEntries(numbers),
    ...(socket === undefined ? {} : { socket }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(mediaUrl === undefined ? {} : { mediaUrl }),
  }
}

const isProxy = (name: string): name is NonNullable<GateSettings['proxy']> =>
  ['envoy', 'nginx', 'traefik', 'caddy'].includes(name)

interface OpenedStore {
  readonly store: GateStore
  close(): Promise<void>
}

async function openStore(context: CommandContext, { mediaUrl }: GateSettings): Promise<OpenedStore> {
  const { config, streams } = context
  if (mediaUrl === undefined) {
    const store = await openConfigured(context)
    return { store, close: () => store.close() }
  }
  const token = given(streams.env, 'MEDIAKEEP_MEDIA_TOKEN')
  const keys = await keysBeside(join(resolve(streams.cwd, config.data), 'keys.json'))
  const states = config.redisUrl === undefined ? undefined : await statesAt(config.redisUrl)
  const store = httpGateStore({
    url: mediaUrl,
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    ...(keys === undefined ? {} : { keys }),
    ...(config.publicBaseUrl === undefined ? {} : { publicBaseUrl: config.publicBaseUrl }),
    ...(states === undefined ? {} : { resourceStates: states }),
  })
  return { store, close: async () => states?.close() }
}

async function statesAt(url: string) {
  const { openRedisStates } = await import('@mediakeep/adapters/redis')
  return openRedisStates({ url })
}

/** The service's keys, where they were put beside the gate: with them it lets signed addresses in. */
async function keysBeside(file: string): Promise<KeyRing | undefined> {
  try {
    return keyRingOf(await readFile(file, 'utf8'), file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function gateOptions(context: CommandContext, settings: GateSettings): Omit<GateOptions, 'store'> {
  const { basePath, keyPrefix, identity, upstreams = {} } = settings
  const { signIn, contentRoute, forwardIdentity, publicNames, loadingStatus, decisionCache, fetches } =
    settings
  if (basePath !== undefined && keyPrefix !== undefined)
    throw new UsageError('gate: basePath and keyPrefix: give one of them')
  return {
    // Owners and admins by what OAuth2 Proxy says; everybody else reads what is public, or by a signed address.
    authorize: ownersOnly({ authenticate: () => undefined }).authorize,
    ...(identity === undefined ? {} : { authenticate: oauth2ProxyIdentity(identity) }),
    resourceOf:
      keyPrefix === undefined
        ? mediaRoutes(basePath === undefined ? {} : { basePath })
        : keysUnder(keyPrefix),
    upstreams: upstreamsOf(context, upstreams),
    ...(signIn === undefined ? {} : { signIn }),
    ...(contentRoute === undefined ? {} : { contentRoute }),
    ...(forwardIdentity === undefined ? {} : { forwardIdentity }),
    ...(publicNames === undefined ? {} : { publicNames }),
    ...(loadingStatus === undefined ? {} : { loadingStatus }),
    ...(decisionCache === undefined ? {} : { decisionCache }),
    ...(fetches === undefined ? {} : { fetches }),
  }
}

/** The buckets of the named tiers, by the addresses and credentials that their stores have. */
function upstreamsOf(
  { config, streams }: CommandContext,
  wanted: NonNullable<GateSettings['upstreams']>,
): Readonly<Record<string, Upstream>> {
  const tiers = configuredTiers(config, streams.cwd)
  return Object.fromEntries(
    Object.entries(wanted).map(([name, setting]) => {
      const tier = tiers.find((each) => each.setting.name === name)
      const address = tier?.address
      const layout = tier?.setting.role === 'external' ? 'plain' : 'volume'
      if (address?.scheme !== 's3' && address?.scheme !== 'minio')
        throw new UsageError(`gate.upstreams: "${name}" is no tier at an s3: or minio: address`)
      return [name, bucketUpstream({ ...originOf(name, address, streams.env), layout, ...setting })] as const
    }),
  )
}

function originOf(
  tier: string,
  address: StoreAddress & { readonly scheme: 's3' | 'minio' },
  env: CommandContext['streams']['env'],
): Parameters<typeof bucketUpstream>[0] {
  const { bucket, prefix, region } = address
  const { endpoint } = address
  if (endpoint === undefined) throw badOption(`gate.upstreams: ${tier}: give the host of the bucket`)
  const credentials =
    address.scheme === 'minio' ? minioCredentials(endpoint, tier, env) : s3Credentials(endpoint, tier, env)
  return {
    host: new URL(endpoint).host,
    bucket,
    prefix,
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials }),
  }
}
