import { z } from 'zod'
import { wholeNumber } from './sizes.ts'
import { fromText } from './tier-settings.ts'

const port = wholeNumber.pipe(z.number().min(0).max(65_535))
const perSecond = z.number().min(0)

/** The settings of `mediakeep gate`, and what each of them means is said where `GateOptions` says it. */
export interface GateSettings {
  readonly port?: number
  readonly httpPort?: number
  readonly fallbackPort?: number
  readonly socket?: string
  readonly proxy?: 'envoy' | 'nginx' | 'traefik' | 'caddy'
  readonly mediaUrl?: string
  readonly basePath?: string
  readonly keyPrefix?: string
  readonly trustedProxies?: readonly string[]
  readonly identity?: {
    readonly trustedProxies: readonly string[]
    readonly trust?: 'source' | 'proxy'
    readonly headers?: 'x-forwarded' | 'x-auth-request'
    readonly adminGroups?: readonly string[]
  }
  readonly signIn?: { readonly url: string; readonly returnHosts?: readonly string[] }
  readonly upstreams?: Readonly<Record<string, GateUpstreamSetting>>
  readonly contentRoute?: 'as-is' | 'signed'
  readonly forwardIdentity?: 'x-forwarded' | 'x-auth-request'
  readonly publicNames?: boolean
  readonly loadingStatus?: 503 | 429 | 425 | 202
  readonly decisionCache?: false | Readonly<Record<string, number>>
  readonly fetches?: false | { readonly perSecond?: number; readonly perPrincipal?: number }
}

export interface GateUpstreamSetting {
  readonly host?: string
  readonly mode?: 'headers' | 'presign' | 'path'
  readonly reuseMs?: number
  readonly sharedCacheSeconds?: number
}

const names = z.array(z.string().min(1))

/** From a file as an object, from the environment as JSON. */
export const gateSetting: z.ZodType<GateSettings> = fromText(
  z.strictObject({
    port: port.exactOptional(),
    httpPort: port.exactOptional(),
    fallbackPort: port.exactOptional(),
    socket: z.string().min(1).exactOptional(),
    proxy: z.enum(['envoy', 'nginx', 'traefik', 'caddy']).exactOptional(),
    mediaUrl: z.url({ protocol: /^https?$/ }).exactOptional(),
    basePath: z
      .string()
      .regex(/^\/[^?#]*[^/?#]$/, 'give a path such as /media')
      .exactOptional(),
    keyPrefix: z
      .string()
      .regex(/^\/[^?#]*$/, 'give a path such as /assets/')
      .exactOptional(),
    trustedProxies: names.exactOptional(),
    identity: z
      .strictObject({
        trustedProxies: names,
        trust: z.enum(['source', 'proxy']).exactOptional(),
        headers: z.enum(['x-forwarded', 'x-auth-request']).exactOptional(),
        adminGroups: names.exactOptional(),
      })
      .exactOptional(),
    signIn: z
      .strictObject({ url: z.url({ protocol: /^https?$/ }), returnHosts: names.exactOptional() })
      .exactOptional(),
    upstreams: z
      .record(
        z.string(),
        z.strictObject({
          host: z.string().min(1).exactOptional(),
          mode: z.enum(['headers', 'presign', 'path']).exactOptional(),
          reuseMs: z.number().int().min(1_000).max(300_000).exactOptional(),
          sharedCacheSeconds: z.number().int().min(0).exactOptional(),
        }),
      )
      .exactOptional(),
    contentRoute: z.enum(['as-is', 'signed']).exactOptional(),
    forwardIdentity: z.enum(['x-forwarded', 'x-auth-request']).exactOptional(),
    publicNames: z.boolean().exactOptional(),
    loadingStatus: z.union([z.literal(503), z.literal(429), z.literal(425), z.literal(202)]).exactOptional(),
    decisionCache: z
      .union([
        z.literal(false),
        z.strictObject({
          maxEntries: z.number().int().min(0).exactOptional(),
          maxBytes: z.number().int().min(0).exactOptional(),
          maxMissing: z.number().int().min(0).exactOptional(),
          readyTtlMs: z.number().int().min(0).exactOptional(),
          loadingTtlMs: z.number().int().min(0).exactOptional(),
          missingTtlMs: z.number().int().min(0).exactOptional(),
          failedTtlMs: z.number().int().min(0).exactOptional(),
          staleMs: z.number().int().min(0).exactOptional(),
          lookTimeoutMs: z.number().int().min(1).exactOptional(),
        }),
      ])
      .exactOptional(),
    fetches: z
      .union([
        z.literal(false),
        z.strictObject({ perSecond: perSecond.exactOptional(), perPrincipal: perSecond.exactOptional() }),
      ])
      .exactOptional(),
  }),
)
