import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { redisStates } from '@mediakeep/adapters/redis'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { createMediaStore, type Lease, type MediaStore, type ResourceStates } from '@mediakeep/core'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { connectCluster } from '../../packages/adapters/src/redis/testing/cluster.fixture.ts'
import {
  expectFenced,
  type Held,
  loadLeases,
  settledOf,
} from '../../packages/adapters/src/redis/testing/leases.fixture.ts'
import {
  missingRedisReason,
  type RedisClusterServers,
  type RedisServer,
  startRedisCluster,
} from '../../scripts/redis.mjs'
import { describeUnless } from '../describe-unless.ts'
import { askThrough } from './redis-stage.ts'

const WAIT = { timeout: 20_000, interval: 50 }
const LONG = { ttlMs: 60_000 }
const SETTINGS = {
  // As short as a busy machine bears: how long a primary is waited for before its replica takes over.
  'cluster-node-timeout': 1_000,
  // A replica takes over however long it has heard nothing: here it is cut off on purpose.
  'cluster-replica-validity-factor': 0,
}

describeUnless(missingRedisReason(), 'a Redis Cluster of three primaries with a replica each', () => {
  let servers: RedisClusterServers
  const dead = new Set<RedisServer>()
  const ends: (() => Promise<unknown>)[] = []
  beforeAll(async () => {
    servers = await startRedisCluster({ settings: SETTINGS, replicas: 1 })
  }, 90_000)
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })
  afterAll(async () => servers?.stop())

  const living = (): readonly RedisServer[] => servers.nodes.filter((node) => !dead.has(node))
  /** Primaries with their replicas, as they are now. */
  async function pairs(): Promise<readonly (readonly [RedisServer, RedisServer])[]> {
    const found: (readonly [RedisServer, RedisServer])[] = []
    for (const replica of living()) {
      const info = await replica.cli('INFO', 'replication')
      const port = /role:slave[^]*master_port:(\d+)/.exec(info)?.[1]
      const primary = living().find((node) => String(node.port) === port)
      if (primary !== undefined) found.push([primary, replica])
    }
    return found
  }
  const firstPair = async (): Promise<readonly [RedisServer, RedisServer]> => {
    const [pair] = await pairs()
    if (pair === undefined) throw new Error('no primary has a replica')
    return pair
  }
  /** Primaries, that with the most keys first. */
  async function fullestFirst(): Promise<readonly [RedisServer, RedisServer]> {
    const sizes = await Promise.all(
      (await pairs()).map(async ([node]) => ({ node, keys: Number(await node.cli('DBSIZE')) })),
    )
    const [first, second] = sizes.sort((one, other) => other.keys - one.keys)
    if (first === undefined || second === undefined) throw new Error('there are three')
    return [first.node, second.node]
  }
  /** Leases are claimed and settled all along by two that share the cluster. */
  async function withLeases(work: () => Promise<void>): Promise<void> {
    const held: Held[] = []
    let isOver = false
    const loads: Promise<void>[] = []
    for (let loader = 0; loader < 2; loader++)
      loads.push(loadLeases(await openStates(500), held, () => isOver))
    try {
      await work()
      const before = settledOf(held)
      await vi.waitFor(() => expect(settledOf(held)).toBeGreaterThan(before + 50), WAIT)
    } finally {
      isOver = true
      await Promise.all(loads)
    }
    expect(held.length).toBeGreaterThan(100)
    expectFenced(held)
  }
  const kill = (node: RedisServer): void => {
    dead.add(node)
    node.signal('SIGKILL')
  }
  const says = (node: RedisServer, what: RegExp, ...words: string[]): Promise<unknown> =>
    vi.waitUntil(async () => what.test(await node.cli(...words)), WAIT)
  /** The replica has the place of its primary, and everybody knows. */
  async function isPrimary(replica: RedisServer): Promise<void> {
    await says(replica, /role:master/, 'INFO', 'replication')
    for (const node of living()) await says(node, /cluster_state:ok/, 'CLUSTER', 'INFO')
  }

  const openStates = async (commandTimeoutMs = 50): Promise<ResourceStates> => {
    const client = connectCluster(living())
    ends.push(async () => client.disconnect())
    const states = redisStates({ client, commandTimeoutMs })
    // The nodes are known from then on.
    await vi.waitFor(() => states.read(['any']), WAIT)
    return states
  }

  it('slots move under load, with a while in which the slot is at one node and its keys at another: no wrong answer, all in time', async () => {
    const redirections = async (): Promise<readonly number[]> => {
      const stats = await Promise.all(living().map((node) => node.cli('INFO', 'errorstats')))
      return ['ASK', 'MOVED'].map((word) =>
        stats.reduce(
          (sum, said) => sum + Number(new RegExp(`errorstat_${word}:count=(\\d+)`).exec(said)?.[1] ?? 0),
          0,
        ),
      )
    }
    const before = await redirections()
    const moved: { readonly slot: string; readonly from: RedisServer; readonly to: RedisServer }[] = []
    await askThrough({
      openStates,
      throughServer: true,
      ends,
      faultMs: 500,
      async fault() {
        const [from, to] = await fullestFirst()
        const slots = new Set<string>()
        for (const key of (await from.cli('--scan', '--pattern', 'mk:*'))
          .split('\n')
          .filter(Boolean)
          .slice(0, 4))
          slots.add(await from.cli('CLUSTER', 'KEYSLOT', key))
        for (const slot of slots) {
          moved.push({ slot, from, to })
          await to.cli('CLUSTER', 'SETSLOT', slot, 'IMPORTING', await from.cli('CLUSTER', 'MYID'))
          await from.cli('CLUSTER', 'SETSLOT', slot, 'MIGRATING', await to.cli('CLUSTER', 'MYID'))
          const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', slot, '100')).split('\n').filter(Boolean)
          if (keys.length > 0)
            await from.cli('MIGRATE', to.host, String(to.port), '', '0', '1000', 'KEYS', ...keys)
        }
      },
      async end() {
        for (const { slot, from, to } of moved)
          for (const node of [to, from])
            await node.cli('CLUSTER', 'SETSLOT', slot, 'NODE', await to.cli('CLUSTER', 'MYID'))
      },
    })
    expect(moved.length).toBeGreaterThan(0)
    const [asked = 0, moves = 0] = (await redirections()).map((count, index) => count - (before[index] ?? 0))
    expect(asked).toBeGreaterThan(0)
    expect(moves).toBeGreaterThan(0)
  }, 120_000)

  /** Gates are asked, and leases taken, while the fault makes a primary of the replica. */
  const askUntilPrimary = (
    replica: RedisServer,
    faultMs: number,
    fault: () => Promise<void>,
  ): Promise<unknown> =>
    withLeases(() =>
      askThrough({ openStates, throughServer: true, ends, faultMs, fault, end: () => isPrimary(replica) }),
    )

  it('an operator orders a failover under load: no wrong answer, all in time, no token goes back, right again without a restart', async () => {
    const [primary, replica] = await firstPair()
    await askUntilPrimary(replica, 1_000, async () => void (await replica.cli('CLUSTER', 'FAILOVER')))
    await says(primary, /role:slave[^]*master_link_status:up/, 'INFO', 'replication')
  }, 120_000)

  it('a primary is killed -9 under load: no wrong answer, all in time, no token goes back, right again without a restart', async () => {
    const [primary, replica] = await firstPair()
    await askUntilPrimary(replica, 0, async () => kill(primary))
  }, 120_000)

  it('a lease that the failover lost is refused to its holder once another has one, whose token is greater; one copy is live', async () => {
    const [primary, replica] = await firstPair()
    const [first, second] = [await openStates(10_000), await openStates(10_000)]
    const folder = await mkdtemp(join(tmpdir(), 'mediakeep-redis-cluster-'))
    ends.push(() => rm(folder, { recursive: true, force: true }))
    const stale = await openLoader(folder, first)
    const next = await openLoader(folder, second)
    const id = await coldOn(next.store, primary)

    // From here on nothing that the primary takes reaches its replica.
    await primary.cli('ACL', 'SETUSER', 'default', '-psync', '-sync', '-replconf')
    await primary.cli('CLIENT', 'KILL', 'TYPE', 'replica')
    await says(primary, /connected_slaves:0/, 'INFO', 'replication')
    const letGo = stale.hold()
    ends.push(async () => letGo())
    await stale.store.warm(id)
    await vi.waitFor(() => expect(stale.leases).toHaveLength(1), WAIT)
    kill(primary)
    await isPrimary(replica)

    // The lease is lost, and with it the last token of its key.
    await vi.waitFor(async () => {
      await next.store.warm(id)
      expect(next.leases.length).toBeGreaterThan(0)
    }, WAIT)
    const [lost, given] = [stale.leases[0] as Lease, next.leases[0] as Lease]
    expect(given.key).toBe(lost.key)
    expect(given.fencingToken).toBeGreaterThan(lost.fencingToken)
    // The one that stands still has a lease in the catalog too, of 30 s: until that is over it is waited for.
    await vi.waitFor(async () => expect((await next.store.availability(id)).state).toBe('ready'), {
      ...WAIT,
      timeout: 60_000,
    })
    const refused = { code: 'MEDIA_LEASE_LOST' }
    await expect(first.extend(lost, LONG)).rejects.toMatchObject(refused)
    letGo()
    await vi.waitFor(() => expect(stale.ends).toEqual(['MEDIA_LEASE_LOST']), WAIT)
    expect(next.ends).toEqual(['ready'])
    const { copies } = await next.store.tiers.explain(id)
    expect(copies.filter(({ tier }) => tier === 'disk')).toHaveLength(1)
    await first.release(lost)
    expect((await second.read([given.key]))[0]?.state).toBe('ready')
  }, 120_000)

  /** A media in long-term storage, of which a key of the given primary tells. */
  async function coldOn(store: MediaStore, primary: RedisServer): Promise<string> {
    const own = new Set(slotsOf(await primary.cli('CLUSTER', 'NODES'), await primary.cli('CLUSTER', 'MYID')))
    for (let tries = 0; ; tries++) {
      const { id } = await store.put(Buffer.from(`cold ${tries} ${Math.random()}`), { owner: 'far' })
      const blobId = (await store.locate(id)).names.at(-1) ?? ''
      if (own.has(await primary.cli('CLUSTER', 'KEYSLOT', `mk:{${blobId}}`))) return id
    }
  }

  /** A store that loads from far to disk, whose reads from far can be held up. */
  async function openLoader(folder: string, states: ResourceStates) {
    let standstill = Promise.resolve()
    const far = fsStore({ root: join(folder, 'far'), stagingHeadRoomBytes: 0 })
    const leases: Lease[] = []
    const ended: string[] = []
    const store = await createMediaStore({
      catalog: sqliteCatalog({ file: join(folder, 'catalog.sqlite') }),
      tiers: [
        { name: 'disk', store: fsStore({ root: join(folder, 'disk'), stagingHeadRoomBytes: 0 }) },
        {
          name: 'far',
          serves: false,
          store: Object.create(far, {
            get: {
              value: async (...given: Parameters<typeof far.get>) => {
                await standstill
                return far.get(...given)
              },
            },
          }) as typeof far,
        },
      ],
      tiering: { rules: [{ name: 'far', match: { owner: 'far' }, tiers: ['far'] }] },
      resourceStates: {
        ...states,
        async claim(key, options) {
          const lease = await states.claim(key, options)
          if (lease !== undefined) leases.push(lease)
          return lease
        },
        async settle(lease, to) {
          try {
            await states.settle(lease, to)
            ended.push(to.state)
          } catch (error) {
            ended.push((error as { code?: string }).code ?? 'failed')
            throw error
          }
        },
      },
      reads: { cacheBytes: 0 },
      upkeep: { intervalMs: 0 },
    })
    ends.push(() => store.close())
    return {
      store,
      leases,
      ends: ended,
      hold() {
        let letGo = (): void => undefined
        standstill = new Promise<void>((resolve) => {
          letGo = resolve
        })
        return letGo
      },
    }
  }
})

/** Slots of a node, by what it says of all of them. */
function slotsOf(nodes: string, id: string): readonly string[] {
  const words =
    nodes
      .split('\n')
      .find((line) => line.startsWith(id))
      ?.split(' ')
      .slice(8) ?? []
  return words.flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => String(first + index))
  })
}
