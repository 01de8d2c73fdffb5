import type { ConnectionOptions } from 'node:tls'
import type { OptionNames } from '@mediakeep/core'

/** As much of `Redis` of `ioredis` as is used. */
export interface RedisClient {
  readonly status: string
  connect(): Promise<unknown>
  disconnect(reconnect?: boolean): void
  get(key: string): Promise<string | null>
  mget(keys: string[]): Promise<readonly (string | null)[]>
  evalsha(sha: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
  eval(script: string, keyCount: number, ...keysAndArguments: string[]): Promise<unknown>
  publish(channel: string, message: string): Promise<number>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'ready' | 'close' | 'end', listener: () => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'ready' | 'close' | 'end', listener: () => void): unknown
  duplicate(override: DuplicateOptions): RedisSubscriber
}

/** As much of `Cluster` of `ioredis` as is used. */
export interface RedisClusterClient
  extends Omit<RedisClient, 'disconnect' | 'duplicate' | 'mget' | 'publish'> {
  disconnect(): void
  nodes(role: 'master'): readonly Pick<RedisClient, 'duplicate' | 'publish'>[]
}

/** A connection of its own that only listens. */
export interface RedisSubscriber extends Pick<RedisClient, 'connect' | 'disconnect'> {
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'end', listener: () => void): unknown
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  subscribe(...channels: string[]): Promise<unknown>
}

/** What of its options differs from those of the client it is made after. */
export interface DuplicateOptions {
  readonly autoResubscribe: boolean
  readonly connectionName: string
  readonly disconnectTimeout: number
  readonly enableOfflineQueue: boolean
  readonly enableReadyCheck: boolean
  readonly keyPrefix: string
  readonly lazyConnect: boolean
  readonly maxRetriesPerRequest: number
  readonly retryStrategy: () => null
}

export interface RedisStatesSettings {
  /** What all keys and channels begin with: stores that share a Redis have one each. Default `mk:`. */
  readonly prefix?: string
  /** How long a settled state is believed when nobody invalidates it. Default 10 min. */
  readonly settledTtlMs?: number
  /** How long a call waits for its answer before it fails with MEDIA_UNAVAILABLE. Default 50. */
  readonly commandTimeoutMs?: number
  /** How often listeners' connections are tried: a Redis that stands still is noticed within two of them. Default 1,000. */
  readonly heartbeatMs?: number
}

const SETTINGS: OptionNames<RedisStatesSettings> = {
  prefix: true,
  settledTtlMs: true,
  commandTimeoutMs: true,
  heartbeatMs: true,
}

export interface RedisStatesOptions extends RedisStatesSettings {
  /** Of `ioredis`: used, never closed. It needs an `error` listener of the host's. */
  readonly client: RedisClient | RedisClusterClient
}

export const CLIENT_OPTIONS: OptionNames<RedisStatesOptions> = { client: true, ...SETTINGS }

export interface OpenRedisStatesOptions extends RedisStatesSettings {
  /** `redis://USER:PASSWORD@HOST:PORT/DB`, or `rediss:` for TLS; needs the package `ioredis`. Never shown in an error. */
  readonly url: string
  /** For `rediss:`: a certificate authority of one's own, for instance. */
  readonly tls?: ConnectionOptions
}

export const ADDRESS_OPTIONS: OptionNames<OpenRedisStatesOptions> = { url: true, tls: true, ...SETTINGS }

export function isCluster(client: RedisClient | RedisClusterClient): client is RedisClusterClient {
  return 'nodes' in client
}
