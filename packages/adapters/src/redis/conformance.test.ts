import { describeResourceStates } from '@mediakeep/testkit/vitest'
import { Cluster, Redis } from 'ioredis'
import { missingRedisReason, startRedis, startRedisCluster } from '../../../../scripts/redis.mjs'
import { describeOn } from '../testing/server.fixture.ts'
import { redisHarness } from './testing/harness.fixture.ts'

await describeOn('on Redis', missingRedisReason(), startRedis, (server) => {
  const harness = { servers: [server], connect: () => new Redis(server.url) }
  describeResourceStates('redis states', redisHarness(harness))
  describeResourceStates('redis states at a time of ours', redisHarness({ ...harness, clock: 'fake' }))
})

await describeOn('on a Redis Cluster', missingRedisReason(), startRedisCluster, ({ nodes }) => {
  const connect = (): Cluster => new Cluster(nodes.map(({ host, port }) => ({ host, port })))
  describeResourceStates('redis states', redisHarness({ servers: nodes, connect }))
})
