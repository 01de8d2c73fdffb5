import { setTimeout as pass } from 'node:timers/promises'
import { openRedisStates } from '@mediakeep/adapters/redis'
import { afterEach, expect, it } from 'vitest'
import { missingRedisReason, type RedisServer, startRedis } from '../../scripts/redis.mjs'
import { describeUnless } from '../describe-unless.ts'
import { askThrough } from './redis-stage.ts'
import { type Relay, startRelay } from './relay.ts'

describeUnless(missingRedisReason(), 'gates under load, and a Redis that fails', () => {
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })

  const serve = async (options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> => {
    const redis = await startRedis(options)
    ends.push(() => redis.stop())
    return redis
  }

  const through = (url: string, fault: () => Promise<void>, end: () => Promise<void>): Promise<void> =>
    askThrough({ openStates: () => openRedisStates({ url }), fault, end, ends })

  it('killed -9 and started again: no wrong answer, all in time, right again without a restart', async () => {
    const redis = await serve()
    await through(
      redis.url,
      async () => redis.signal('SIGKILL'),
      async () => {
        await redis.stop()
        await serve({ port: redis.port })
      },
    )
  })

  it('stands still for seconds: no wrong answer, all in time, right again without a restart', async () => {
    const redis = await serve()
    await through(
      redis.url,
      async () => redis.signal('SIGSTOP'),
      async () => redis.signal('SIGCONT'),
    )
  })

  it('answers every command late, and forgot its scripts: no wrong answer, all in time', async () => {
    const redis = await serve()
    const relay = await startRelay(redis.port)
    ends.push(() => relay.stop())
    await through(
      `redis://127.0.0.1:${relay.port}`,
      async () => {
        // A look at what is loading takes three commands: more in all than a look may take.
        relay.answerAfter(40)
        await redis.cli('SCRIPT', 'FLUSH')
      },
      async () => relay.answerAfter(0),
    )
  })

  it('flushed again and again: no wrong answer, all in time', async () => {
    const redis = await serve()
    const flushing = new AbortController()
    await through(
      redis.url,
      async () => {
        void (async () => {
          while (!flushing.signal.aborted) {
            await redis.cli('FLUSHALL')
            await pass(200)
          }
        })()
      },
      async () => flushing.abort(),
    )
  })

  it('evicts, then takes nothing for want of memory: no wrong answer, all in time', async () => {
    const redis = await serve({ settings: { 'maxmemory-policy': 'allkeys-lru' } })
    await through(
      redis.url,
      async () => {
        const used = /used_memory:(\d+)/.exec(await redis.cli('INFO', 'memory'))?.[1]
        await redis.cli('CONFIG', 'SET', 'maxmemory', String(Number(used) + 200_000))
        await redis.cli(
          'EVAL',
          "for n = 1, 2000 do redis.call('SET', 'junk' .. n, string.rep('x', 1000)) end return 1",
          '0',
        )
        await pass(500)
        await redis.cli('CONFIG', 'SET', 'maxmemory', '100kb')
      },
      async () => void (await redis.cli('CONFIG', 'SET', 'maxmemory', '0')),
    )
  })

  it('fails over to a replica that takes no changes at first: no wrong answer, all in time, right again without a restart', async () => {
    const primary = await serve()
    const replica = await serve({ settings: { replicaof: `${primary.host} ${primary.port}` } })
    await expect
      .poll(() => replica.cli('INFO', 'replication'), { timeout: 10_000 })
      .toContain('master_link_status:up')
    const relay: Relay = await startRelay(primary.port)
    ends.push(() => relay.stop())
    await through(
      `redis://127.0.0.1:${relay.port}`,
      async () => {
        primary.signal('SIGKILL')
        relay.to(replica.port)
      },
      async () => void (await replica.cli('REPLICAOF', 'NO', 'ONE')),
    )
  })
})
