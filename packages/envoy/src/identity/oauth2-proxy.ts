import type { Principal } from '@mediakeep/core'
import type { GateRequest } from '../contracts.ts'
import { createNetworks } from './networks.ts'

/** Tells who asks; `undefined`: nobody in particular. Throws MEDIA_UNAUTHENTICATED for credentials that are not good. */
export type GateAuthenticator = (
  request: GateRequest,
) => Principal | undefined | Promise<Principal | undefined>

export interface Oauth2ProxyOptions {
  /** Addresses, or networks such as `10.0.0.0/8`, that may say who the user is. There is no default: nobody is believed. */
  readonly trustedProxies: readonly string[]
  /**
   * Whose address is looked at. `source` (default): the one from which the asking proxy got the request, where OAuth2 Proxy stands in
   * front of it. `proxy`: the asking proxy's own, where it asks OAuth2 Proxy itself and takes such headers of clients away.
   */
  readonly trust?: 'source' | 'proxy'
  /**
   * Which headers are read, and no others: OAuth2 Proxy sets one family and passes on what clients say under the other. Default: those
   * it sets by default where it stands, `x-forwarded` in front and `x-auth-request` where it is asked.
   */
  readonly headers?: IdentityHeaders
  /** Members of these groups may see and change media of others. Default: none. */
  readonly adminGroups?: readonly string[]
}

/** `x-forwarded-user`, `-email`, `-groups` ..., or `x-auth-request-user` and so on. */
export type IdentityHeaders = 'x-forwarded' | 'x-auth-request'

const PARTS = ['user', 'email', 'groups', 'preferred-username', 'access-token']

const namesOf = (family: IdentityHeaders): readonly string[] => PARTS.map((part) => `${family}-${part}`)

/** What OAuth2 Proxy says of the user, and clients can write too. */
const IDENTITY_HEADERS: readonly string[] = [...namesOf('x-auth-request'), ...namesOf('x-forwarded')]
const ALL_BUT: Readonly<Record<IdentityHeaders, readonly string[]>> = {
  'x-auth-request': namesOf('x-forwarded'),
  'x-forwarded': namesOf('x-auth-request'),
}

/** What must not go on to an upstream: all of it, but the family that is to be kept. */
export function identityHeadersBut(kept: IdentityHeaders | undefined): readonly string[] {
  return kept === undefined ? IDENTITY_HEADERS : ALL_BUT[kept]
}

/** Longest user that is believed to be one. */
const MAX_USER_LENGTH = 256

/**
 * Identity from the headers of OAuth2 Proxy, believed only from trusted proxies.
 * Two values under one name are none: one of them is not the proxy's.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`
 */
export function oauth2ProxyIdentity(options: Oauth2ProxyOptions): GateAuthenticator {
  const { trust = 'source', adminGroups = [] } = options
  const family = options.headers ?? (trust === 'proxy' ? 'x-auth-request' : 'x-forwarded')
  const isTrusted = createNetworks(options.trustedProxies)
  const admins = new Set(adminGroups)
  return (request) => {
    const address = trust === 'proxy' ? request.proxyAddress : request.sourceAddress
    if (address === undefined || !isTrusted(address)) return undefined
    const id = oneOf(request.header(`${family}-user`))
    if (id === undefined) return undefined
    const listed = request.header(`${family}-groups`) ?? ''
    const groups = listed.split(',').map((group) => group.trim())
    return groups.some((group) => admins.has(group)) ? { id, admin: true } : { id }
  }
}

function oneOf(value: string | undefined): string | undefined {
  const id = value?.trim()
  if (id === undefined || id === '' || id.length > MAX_USER_LENGTH || id.includes(',')) return undefined
  return id
}
