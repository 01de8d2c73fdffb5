import { Cluster } from 'ioredis'
import type { RedisServer } from '../../../../../scripts/redis.mjs'

/** A client of a cluster as a host would make it; whoever asked disconnects it. */
export function connectCluster(nodes: readonly RedisServer[]): Cluster {
  const client = new Cluster(nodes.map(({ host, port }) => ({ host, port })))
  client.on('error', () => undefined)
  return client
}
