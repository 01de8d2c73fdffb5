import type { ResourceStates } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { missingRedisReason, type RedisServer, startRedis } from '../../../../scripts/redis.mjs'
import { openRedisStates } from './index.ts'
import { expectFenced, type Held, loadLeases, settledOf } from './testing/leases.fixture.ts'
import { type Proxy, startProxy } from './testing/proxy.fixture.ts'

const WAIT = { timeout: 15_000, interval: 10 }
const LOADERS = 4

const missing = missingRedisReason()
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`)

describe.skipIf(missing !== undefined && process.env['CI'] !== 'true')('a failover under load', () => {
  let primary: RedisServer
  let replica: RedisServer
  let proxy: Proxy
  const opened: ResourceStates[] = []
  const replicationSays = (what: string): Promise<unknown> =>
    vi.waitUntil(async () => (await replica.cli('INFO', 'replication')).includes(what), WAIT)
  beforeEach(async () => {
    primary = await startRedis()
    replica = await startRedis({ settings: { replicaof: `${primary.host} ${primary.port}` } })
    await replicationSays('master_link_status:up')
    proxy = await startProxy(primary.port)
  })
  afterEach(async () => {
    for (const states of opened.splice(0)) await states.close()
    await proxy.close()
    await Promise.all([primary.stop(), replica.stop()])
  })

  const ways: Record<string, () => Promise<void>> = {
    'the primary is killed': async () => {
      primary.signal('SIGKILL')
      await replica.cli('REPLICAOF', 'NO', 'ONE')
    },
    'the operator orders it': async () => {
      await primary.cli('FAILOVER')
      await replicationSays('role:master')
    },
  }
  for (const [name, failOver] of Object.entries(ways))
    test(`${name}: tokens never go back, no lease settles once another was given, and work goes on`, async () => {
      const held: Held[] = []
      let over = false
      const loads: Promise<void>[] = []
      for (let loader = 0; loader < LOADERS; loader++) {
        const states = await openRedisStates({ url: proxy.url, commandTimeoutMs: 500 })
        opened.push(states)
        loads.push(loadLeases(states, held, () => over))
      }
      const settled = (): number => settledOf(held)
      await vi.waitFor(() => expect(settled()).toBeGreaterThan(200), WAIT)
      await failOver()
      proxy.leadTo(replica.port)
      const before = settled()
      await vi.waitFor(() => expect(settled()).toBeGreaterThan(before + 200), WAIT)
      over = true
      await Promise.all(loads)

      expectFenced(held)
    })
})
