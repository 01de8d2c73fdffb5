import type { Agent as HttpAgent } from 'node:http'
import type { Agent as HttpsAgent } from 'node:https'
import type { Clock, OptionNames, StoreTraits } from '@mediakeep/core'

/** Headers of every request, or what makes them: asked for each request, so that a token may change. */
export type HttpHeaders =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>)

export interface HttpStoreOptions {
  /** Address of a bucket of an `objectRouter`: `https://media.example.org/objects/photos`. Credentials go into `headers`. */
  readonly url: string | URL
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string
  readonly headers?: HttpHeaders
  /** Default `http`. */
  readonly name?: string
  /** Default: one of its own that keeps connections open, closed with the store. One that is handed in is left open. */
  readonly agent?: HttpAgent | HttpsAgent
  /** A connection on which nothing moves for so long is given up. Default 30 s. */
  readonly idleTimeoutMs?: number
  /** What is known of the bucket behind the address. Default: nothing is promised that every bucket does not keep. */
  readonly traits?: Partial<
    Pick<StoreTraits, 'maxObjectBytes' | 'maxKeyBytes' | 'paid' | 'durability' | 'listOrder'>
  >
  /** Default: the machine's. */
  readonly clock?: Clock
}

export const HTTP_OPTIONS: OptionNames<HttpStoreOptions> = {
  url: true,
  token: true,
  headers: true,
  name: true,
  agent: true,
  idleTimeoutMs: true,
  traits: true,
  clock: true,
}

export const HTTP_TRAITS: OptionNames<NonNullable<HttpStoreOptions['traits']>> = {
  maxObjectBytes: true,
  maxKeyBytes: true,
  paid: true,
  durability: true,
  listOrder: true,
}
