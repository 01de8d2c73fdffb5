export interface RedisServer {
  readonly host: string
  readonly port: number
  readonly pid: number
  readonly url: string
  /** Of a server with TLS: its certificate, which is its own authority. */
  readonly certificateFile: string | undefined
  /** What `redis-cli` answers. */
  cli(...words: string[]): Promise<string>
  signal(name: NodeJS.Signals): void
  /** Ends it and removes its folder. Both also happen when this process dies. */
  stop(): Promise<void>
}

export interface StartRedisOptions {
  /** Of redis.conf; a list where one is given several times. */
  readonly settings?: Readonly<Record<string, string | number | readonly string[]>>
  /** A node of a cluster that is to be. Default false. */
  readonly isCluster?: boolean
  /** Default false. */
  readonly tls?: boolean
  /** Default: a free one. */
  readonly port?: number
}

export interface RedisClusterServers {
  readonly nodes: readonly RedisServer[]
  stop(): Promise<void>
}

/** Why no server can be started here; `undefined` when one can. */
export function missingRedisReason(): string | undefined
export function startRedis(options?: StartRedisOptions): Promise<RedisServer>
/** Three primaries that share all slots, each with so many replicas: default none. */
export function startRedisCluster(
  options?: Pick<StartRedisOptions, 'settings'> & { readonly replicas?: number },
): Promise<RedisClusterServers>
