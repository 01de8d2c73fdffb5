import { badOption } from '@mediakeep/core'
import type { GateRequest } from '../contracts.ts'

export interface SignInOptions {
  /** Where browsers are sent, such as `https://auth.example/oauth2/start`; the address to come back to is added as `rd`. */
  readonly url: string | URL
  /** Hosts to come back to, as clients name them. To others, and where there are none, only the path is given. */
  readonly returnHosts?: readonly string[]
}

export interface SignIn {
  /** Where to sign in, or `undefined` for programs: they are told 401. */
  locationFor(request: GateRequest, path: string): string | undefined
}

/**
 * Sends browsers to sign in, and back to where they were: never elsewhere.
 * @throws MediaError MEDIA_BAD_INPUT `bad-option`
 */
export function createSignIn({ url, returnHosts = [] }: SignInOptions): SignIn {
  const target = URL.canParse(String(url)) ? new URL(url) : undefined
  if (target === undefined || !/^https?:$/.test(target.protocol))
    throw badOption('signIn.url is no http or https address')
  const hosts = new Set(returnHosts.map((host) => host.toLowerCase()))
  return {
    locationFor(request, path) {
      if (request.method !== 'GET' || !wantsPage(request)) return undefined
      // The path was found clean: one slash at its start, no backslash. It cannot name another host.
      const host = request.host.toLowerCase()
      const scheme = request.scheme === 'http' ? 'http' : 'https'
      const back = hosts.has(host) ? `${scheme}://${host}${path}` : path
      const location = new URL(target)
      location.searchParams.set('rd', back)
      return location.href
    },
  }
}

function wantsPage(request: GateRequest): boolean {
  const mode = request.header('sec-fetch-mode')
  if (mode !== undefined && mode !== 'navigate') return false
  return request.header('accept')?.toLowerCase().includes('text/html') === true
}
