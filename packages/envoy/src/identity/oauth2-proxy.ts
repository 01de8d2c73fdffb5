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
  /** Members of these groups may see and change media of others. Default: none. */
  readonly adminGroups?: readonly string[]
}

/** What OAuth2 Proxy says of the user. Clients can write them too: they count only from a trusted proxy. */
export const IDENTITY_HEADERS: readonly string[] = [
  'x-auth-request-user',
  'x-auth-request-email',
  'x-auth-request-groups',
  'x-auth-request-preferred-username',
  'x-auth-request-access-token',
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-groups',
  'x-forwarded-preferred-username',
  'x-forwarded-access-token',
]

/** Longest user that is believed to be one. */
const MAX_USER_LENGTH = 256

/**
 * Identity from the headers of OAuth2 Proxy (`--set-xauthrequest`), believed only from trusted proxies.
 * Two values under one name are none: one of them is not the proxy's.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`
 */
export function oauth2ProxyIdentity(options: Oauth2ProxyOptions): GateAuthenticator {
  const { trust = 'source', adminGroups = [] } = options
  const isTrusted = createNetworks(options.trustedProxies)
  const admins = new Set(adminGroups)
  return (request) => {
    const address = trust === 'proxy' ? request.proxyAddress : request.sourceAddress
    if (address === undefined || !isTrusted(address)) return undefined
    const id = oneOf(request.header('x-auth-request-user') ?? request.header('x-forwarded-user'))
    if (id === undefined) return undefined
    const listed = request.header('x-auth-request-groups') ?? request.header('x-forwarded-groups') ?? ''
    const groups = listed.split(',').map((group) => group.trim())
    return groups.some((group) => admins.has(group)) ? { id, admin: true } : { id }
  }
}

function oneOf(value: string | undefined): string | undefined {
  const id = value?.trim()
  if (id === undefined || id === '' || id.length > MAX_USER_LENGTH || id.includes(',')) return undefined
  return id
}
