import type { IncomingMessage } from 'node:http'
import type { Media } from './media.ts'

/** Who asks. `id` owns what it puts. */
export interface Principal {
  readonly id: string
  readonly scopes?: readonly string[]
  /** May see and change media of others. */
  readonly admin?: boolean
}

/**
 * Tells who sent a request: a principal, `undefined` for nobody (anonymous),
 * or throws MEDIA_UNAUTHENTICATED when credentials were given and are not good.
 */
export type Authenticator = (
  request: IncomingMessage,
) => Principal | undefined | Promise<Principal | undefined>

export type Action = 'create' | 'read' | 'stat' | 'update' | 'delete' | 'list' | 'link' | 'warm'

export interface AuthorizeInput {
  readonly principal: Principal | undefined
  readonly action: Action
  /** Present for acts on one media. */
  readonly media?: Media
  /** Owner filter of a list, or the owner a new media will have. */
  readonly owner?: string
}

/** Decides. `false` and MEDIA_DENIED mean no; for a private media that is not theirs the caller then sees "missing". */
export type Authorizer = (input: AuthorizeInput) => boolean | Promise<boolean>

/** What a transport needs to know who may do what. Required: there is no default. */
export interface Access {
  readonly authenticate: Authenticator
  readonly authorize: Authorizer
  /** Everybody may do everything; servers refuse to listen off loopback with it. */
  readonly open?: boolean
}
