import { isMediaError, type ResourceStates } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { missingRedisReason, type RedisServer, startRedis } from '../../../../scripts/redis.mjs'
import { openRedisStates } from './index.ts'
import { LONG, READY } from './testing/listen.fixture.ts'
import { type Proxy, startProxy } from './testing/proxy.fixture.ts'

const WAIT = { timeout: 15_000, interval: 10 }
const KEYS = Array.from({ length: 20 }, (_, index) => `k${index}`)
const LOADERS = 4

/** One lease, when it was asked for and given, and what came of it. */
interface Held {
  readonly key: string
  readonly token: number
  readonly askedMs: number
  readonly grantedMs: number
  /** When it was asked to settle, where that was accepted. */
  settleAskedMs?: number
}

/** Claims and settles at random until it is told to stop; only Redis being away is no surprise. */
async function load(states: ResourceStates, held: Held[], isOver: () => boolean): Promise<void> {
  const tolerated = async <T>(call: Promise<T>): Promise<T | undefined> => {
    try {
      return await call
    } catch (error) {
      if (!isMediaError(error)) throw error
      expect(['MEDIA_UNAVAILABLE', 'MEDIA_LEASE_LOST']).toContain(error.code)
      await new Promise((resolve) => setTimeout(resolve, 5))
      return undefined
    }
  }
  const isDone = Symbol('done')
  for (let turn = 0; !isOver(); turn++) {
    const key = KEYS[Math.floor(Math.random() * KEYS.length)] ?? ''
    const claimedMs = performance.now()
    const lease = await tolerated(states.claim(key, LONG))
    if (lease === undefined) {
      await tolerated(states.invalidate([key]))
      continue
    }
    const one: Held = { key, token: lease.fencingToken, askedMs: claimedMs, grantedMs: performance.now() }
    held.push(one)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
    const askedMs = performance.now()
    if ((await tolerated(states.settle(lease, READY).then(() => isDone))) === isDone)
      one.settleAskedMs = askedMs
  }
}

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
        loads.push(load(states, held, () => over))
      }
      const settled = (): number => held.filter(({ settleAskedMs }) => settleAskedMs !== undefined).length
      await vi.waitFor(() => expect(settled()).toBeGreaterThan(200), WAIT)
      await failOver()
      proxy.leadTo(replica.port)
      const before = settled()
      await vi.waitFor(() => expect(settled()).toBeGreaterThan(before + 200), WAIT)
      over = true
      await Promise.all(loads)

      for (const key of KEYS) {
        const leases = held.filter((one) => one.key === key)
        expect(new Set(leases.map(({ token }) => token)).size, key).toBe(leases.length)
        for (const lease of leases)
          for (const next of leases) {
            if (next.askedMs > lease.grantedMs) expect(next.token, key).toBeGreaterThan(lease.token)
            // Asked, at the latest, before the next was given: after that it is refused.
            if (next.token > lease.token && lease.settleAskedMs !== undefined)
              expect(lease.settleAskedMs, key).toBeLessThan(next.grantedMs)
          }
      }
    })
})
