import type { DirectAnswer } from '../contracts.ts'

/** Proxies that ask over HTTP; each takes other answers for a yes, and passes on other parts of a no. */
export type Proxy = 'envoy' | 'nginx' | 'traefik' | 'caddy'

export interface Profile {
  /** Where the client's method, address and host stand: in the question itself, or in headers that the proxy sets. */
  readonly asks: 'itself' | 'in-headers'
  /** The status that says yes to this proxy. */
  readonly forward: 200 | 204
  /** The status that the proxy is told in place of the one that is meant. */
  statusOf(answer: DirectAnswer): number
  /** Whether the proxy hands status, headers and body of a no to the client as they are. */
  readonly passesWhole: boolean
}

/**
 * What each proxy does with an answer, seen on the real ones (Traefik: by its documentation).
 *
 * Envoy turns every 5xx into an empty 403, so that "not yet" is a 429 there. nginx knows 2xx, 401 and 403, makes a 500 of all
 * else, and passes no body: it is told 403, and what is meant in `x-media-status`. Traefik and Caddy pass everything on.
 */
export const PROFILES: Readonly<Record<Proxy, Profile>> = {
  envoy: {
    asks: 'itself',
    forward: 200,
    // 200 is the only yes; an answer of ours that means to be one to the client cannot be told apart.
    statusOf: ({ status }) => (status >= 500 || status === 200 ? 429 : status),
    passesWhole: true,
  },
  nginx: {
    asks: 'in-headers',
    forward: 204,
    statusOf: ({ status }) => (status === 401 ? 401 : 403),
    passesWhole: false,
  },
  traefik: { asks: 'in-headers', forward: 200, statusOf: notYetIs429, passesWhole: true },
  caddy: { asks: 'in-headers', forward: 200, statusOf: notYetIs429, passesWhole: true },
}

/**
 * A 2xx would be a yes. 503 passes whole, and is told where the gate or a media fails. "Not yet" is no failure: to what counts
 * those (passive health checks of Caddy, circuit breakers and retries of Traefik) a burst of loading media must not look like a
 * gate that is down.
 */
function notYetIs429({ status, facts }: DirectAnswer): number {
  if (status < 300) return 429
  return facts.state === 'loading' && status === 503 ? 429 : status
}
