import type { Authorizer, Clock } from '@mediakeep/core'
import type { Placeholder } from '../answers/direct.ts'
import type { GateFacts } from '../contracts.ts'
import type { GateAuthenticator, IdentityHeaders } from '../identity/oauth2-proxy.ts'
import type { SignInOptions } from '../identity/sign-in.ts'
import type { ResourceOf } from '../paths/resource.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { DecisionCacheOptions } from './cache-options.ts'
import type { FetchBudgetOptions } from './fetch-budget.ts'
import type { GateStore } from './gate-store.ts'

export interface GateOptions {
  readonly store: GateStore
  /** Who may read what. Required: there is no default. `ownersOnly(...)` and `openAccess()` of the express package have one. */
  readonly authorize: Authorizer
  /** Who asks. Default: nobody in particular, so that private media are read by signed addresses only. */
  readonly authenticate?: GateAuthenticator
  /** Which media a path names. Default: `mediaRoutes()`, the routes of `mediaRouter` mounted at `/media`. */
  readonly resourceOf?: ResourceOf
  /** What is remembered of names, and how long; `false`: nothing is. */
  readonly decisionCache?: DecisionCacheOptions | false
  /** Fetches that checks may start of media that are in long-term storage only; `false`: none. */
  readonly fetches?: FetchBudgetOptions | false
  /** By name of tier: where the proxy reads objects by itself. Those of other tiers go on to the content route. */
  readonly upstreams?: Readonly<Record<string, Upstream>>
  /**
   * How requests go on to the content route. `as-is` (default): as they came, credentials too. `signed`: under a signed address of
   * the store, so that the route needs to know nobody; they lose their credentials.
   */
  readonly contentRoute?: 'as-is' | 'signed'
  /**
   * Lets this family of OAuth2 Proxy's headers go on to the content route, where somebody is known by them: the one that
   * `oauth2ProxyIdentity` reads. The other is always taken off. Default: neither goes on.
   */
  readonly forwardIdentity?: IdentityHeaders
  /** Sends browsers that are nobody in particular to sign in, where they may not read what they ask for, or it does not exist. */
  readonly signIn?: SignInOptions
  /** Shown by `<img>` while a media is loading. */
  readonly placeholder?: Placeholder
  /**
   * Shared caches may keep "there is no such media" for seconds, in answer to those without credentials: nobody is
   * known by `authenticate`, and there is neither `Authorization` nor `Cookie`. Give false where others are known by something else that
   * shared caches do not tell apart. Default true.
   */
  readonly publicNames?: boolean
  /** Status of "loading". Default 503, which caches and clients understand best. */
  readonly loadingStatus?: 503 | 429 | 425 | 202
  /** Told of each answer. What it throws is swallowed. */
  readonly onDecision?: (facts: GateFacts) => void
  readonly clock?: Clock
}
