import { Cluster } from 'ioredis'
import { afterAll, expect, test, vi } from 'vitest'
import {
  missingRedisReason,
  type RedisClusterServers,
  startRedisCluster,
} from '../../../../scripts/redis.mjs'
import { describeOn } from '../testing/server.fixture.ts'
import { redisStates } from './index.ts'
import { claimed, LONG, listen, READY } from './testing/listen.fixture.ts'

const WAIT = { timeout: 15_000, interval: 20 }
const SOON_MS = 250
const PASSWORD = 's3cret-p4ss'
/** As docs/guide/redis.md says. */
const RIGHTS =
  'resetkeys ~mk:* resetchannels &mk:* -@all +get +mget +set +del +time +eval +evalsha +publish +subscribe +client|setname +cluster|slots +cluster|info +info'
const KEYS = Array.from({ length: 30 }, (_, index) => `k${index}`)

const start = (): Promise<RedisClusterServers> =>
  startRedisCluster({ settings: { user: [`media on >${PASSWORD} ${RIGHTS}`] } })

await describeOn('a Redis Cluster', missingRedisReason(), start, ({ nodes }) => {
  const clusters: Cluster[] = []
  afterAll(() => {
    for (const cluster of clusters) cluster.disconnect()
  })
  const connect = (): Cluster => {
    const cluster = new Cluster(
      nodes.map(({ host, port }) => ({ host, port })),
      { redisOptions: { username: 'media', password: PASSWORD } },
    )
    cluster.on('error', () => undefined)
    clusters.push(cluster)
    return cluster
  }

  test('one node that stands still: its keys fail in time, those of others do not, a gap is told, and all works again', async () => {
    const states = redisStates({ client: connect(), heartbeatMs: 200 })
    const other = redisStates({ client: connect(), commandTimeoutMs: 10_000 })
    const heard = await listen(states)
    const leases = await Promise.all(KEYS.map((key) => claimed(other, key)))
    const frozen = nodes[1]
    frozen?.signal('SIGSTOP')
    const ended = { well: 0, away: 0 }
    try {
      for (const key of KEYS) {
        const startedMs = performance.now()
        await states.read([key]).then(
          ([state]) => {
            ended.well += 1
            expect(state?.state).toBe('loading')
          },
          (error: unknown) => {
            ended.away += 1
            expect(error).toMatchObject({ code: 'MEDIA_UNAVAILABLE', reason: 'states-unreachable' })
          },
        )
        expect(performance.now() - startedMs).toBeLessThan(SOON_MS)
      }
      expect(ended.well).toBeGreaterThan(0)
      expect(ended.away).toBeGreaterThan(0)
      await vi.waitFor(() => expect(heard.gaps).toBeGreaterThan(0), WAIT)
    } finally {
      frozen?.signal('SIGCONT')
    }
    await vi.waitFor(() => other.read(KEYS), WAIT)
    for (const lease of leases) await other.settle(lease, READY)
    const known = await vi.waitFor(() => states.read(KEYS), WAIT)
    expect(known).toEqual(KEYS.map(() => READY))
    await vi.waitFor(async () => {
      await other.invalidate(KEYS)
      expect(heard.keys).toEqual(expect.arrayContaining(KEYS))
    }, WAIT)
    await states.close()
    await other.close()
  })

  test('keys of all nodes are read, claimed and invalidated in one call each', async () => {
    const states = redisStates({ client: connect(), commandTimeoutMs: 5_000 })
    const many = Array.from({ length: 300 }, (_, index) => `many-${index}`)
    await Promise.all(many.map(async (key) => states.settle(await claimed(states, key), READY)))
    expect(await states.read(many)).toEqual(many.map(() => READY))
    await states.invalidate(many)
    expect(await states.read(many)).toEqual(many.map(() => undefined))
    for (const node of nodes) expect(await node.cli('ACL', 'LOG'), 'what was denied').toBe('')
    const sizes = await Promise.all(nodes.map((node) => node.cli('DBSIZE')))
    for (const size of sizes) expect(Number(size)).toBeGreaterThan(50)
    expect(await states.claim('many-0', LONG)).toBeDefined()
    await states.close()
  })
})
