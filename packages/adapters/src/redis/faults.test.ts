import type { Lease, ResourceStates } from '@mediakeep/core'
import { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { missingRedisReason, type RedisServer, startRedis } from '../../../../scripts/redis.mjs'
import { type OpenRedisStatesOptions, openRedisStates, redisStates } from './index.ts'
import { claimed, LONG, listen, READY } from './testing/listen.fixture.ts'

const AWAY = { code: 'MEDIA_UNAVAILABLE', reason: 'states-unreachable', retryable: true }
/** The time of a call is 50 ms; machines that run tests are busy. */
const SOON_MS = 250
const WAIT = { timeout: 15_000, interval: 10 }

const missing = missingRedisReason()
if (missing !== undefined) process.stderr.write(`skipped: ${missing}\n`)

describe.skipIf(missing !== undefined && process.env['CI'] !== 'true')('redis states under faults', () => {
  let server: RedisServer
  const opened: (ResourceStates | Redis)[] = []
  /** With more patience than calls have: for what must not fail. */
  const open = async (more: Partial<OpenRedisStatesOptions> = {}): Promise<ResourceStates> => {
    const states = await openRedisStates({
      url: server.url,
      heartbeatMs: 200,
      commandTimeoutMs: 10_000,
      ...more,
    })
    opened.push(states)
    return states
  }
  /** As they are by default, and connected. */
  const openHasty = async (): Promise<ResourceStates> => {
    const states = await open({ commandTimeoutMs: 50 })
    await vi.waitFor(() => states.read(['a']), WAIT)
    return states
  }
  beforeEach(async () => {
    server = await startRedis()
  })
  afterEach(async () => {
    for (const one of opened.splice(0)) await ('quit' in one ? one.disconnect() : one.close())
    await server.stop()
  })

  /** How long until all have failed as they should, the longest. */
  async function failsSoon(calls: readonly (() => Promise<unknown>)[]): Promise<number> {
    let longestMs = 0
    for (const call of calls) {
      const startedMs = performance.now()
      await expect(call()).rejects.toMatchObject(AWAY)
      longestMs = Math.max(longestMs, performance.now() - startedMs)
    }
    return longestMs
  }
  const callsOf = (states: ResourceStates, lease: Lease): (() => Promise<unknown>)[] => [
    () => states.read(['a']),
    () => states.claim('b', LONG),
    () => states.extend(lease, LONG),
    () => states.settle(lease, READY),
    () => states.release(lease),
    () => states.invalidate(['a']),
  ]

  test('killed and started again empty: calls fail at once, a lease of before is refused, tokens grow, listeners are told of a gap', async () => {
    const [one, other] = [await openHasty(), await open()]
    const heard = await listen(other)
    const lease = await claimed(other, 'a')
    server.signal('SIGKILL')
    await vi.waitFor(() => expect(heard.gaps).toBeGreaterThan(0), WAIT)
    expect(await failsSoon(callsOf(one, lease))).toBeLessThan(SOON_MS)
    const { port } = server
    await server.stop()
    server = await startRedis({ port })
    heard.gaps = 0
    await vi.waitFor(async () => expect(await one.read(['a'])).toEqual([undefined]), WAIT)
    await vi.waitFor(() => other.read(['a']), WAIT)
    await expect(other.settle(lease, READY)).rejects.toMatchObject({ code: 'MEDIA_LEASE_LOST' })
    await vi.waitFor(() => expect(heard.gaps).toBeGreaterThan(0), WAIT)
    const next = await vi.waitFor(() => claimed(other, 'a'), WAIT)
    expect(next.fencingToken).toBeGreaterThan(lease.fencingToken)
    await expect(other.settle(lease, READY)).rejects.toMatchObject({ code: 'MEDIA_LEASE_LOST' })
    await vi.waitFor(async () => {
      await one.invalidate(['told'])
      expect(heard.keys).toContain('told')
    }, WAIT)
  })

  test('flushed: the lease of before is refused, another is given with a greater token, and no key is called missing', async () => {
    const [one, other] = [await open(), await open()]
    const lease = await claimed(one, 'a')
    await server.cli('FLUSHALL')
    expect(await other.read(['a'])).toEqual([undefined])
    const next = await claimed(other, 'a')
    expect(next.fencingToken).toBeGreaterThan(lease.fencingToken)
    await expect(one.settle(lease, READY)).rejects.toMatchObject({ code: 'MEDIA_LEASE_LOST' })
    await expect(one.extend(lease, LONG)).rejects.toMatchObject({ code: 'MEDIA_LEASE_LOST' })
    await one.release(lease)
    await other.settle(next, READY)
    expect(await one.read(['a'])).toEqual([READY])
  })

  test('scripts that Redis forgot are sent again', async () => {
    const states = await open()
    await claimed(states, 'a')
    await server.cli('SCRIPT', 'FLUSH')
    await Promise.all(Array.from({ length: 20 }, (_, index) => claimed(states, `b${index}`)))
  })

  test('standing still: calls fail in time, listeners are told of a gap, and all works again afterwards', async () => {
    const [one, other] = [await openHasty(), await open()]
    const heard = await listen(other)
    const lease = await claimed(other, 'a')
    server.signal('SIGSTOP')
    try {
      expect(await failsSoon(callsOf(one, lease))).toBeLessThan(SOON_MS)
      const many = Array.from({ length: 200 }, () => one.read(['a']))
      const startedMs = performance.now()
      for (const answer of await Promise.allSettled(many)) expect(answer.status).toBe('rejected')
      expect(performance.now() - startedMs).toBeLessThan(SOON_MS)
      await vi.waitFor(() => expect(heard.gaps).toBeGreaterThan(0), WAIT)
    } finally {
      server.signal('SIGCONT')
    }
    await vi.waitFor(async () => expect((await one.read(['a']))[0]?.state).toBe('loading'), WAIT)
    await vi.waitFor(() => other.read(['a']), WAIT)
    await other.settle(lease, READY)
    await vi.waitFor(async () => {
      await one.invalidate(['told'])
      expect(heard.keys).toContain('told')
    }, WAIT)
  })

  test('standing still for longer than connections are kept: all works again afterwards', async () => {
    const [states, other] = [await openHasty(), await open()]
    const heard = await listen(states)
    const lease = await claimed(other, 'a')
    server.signal('SIGSTOP')
    const endsMs = performance.now() + 3_000
    try {
      await vi.waitFor(async () => {
        await expect(states.read(['a'])).rejects.toMatchObject(AWAY)
        expect(performance.now()).toBeGreaterThan(endsMs)
      }, WAIT)
      expect(heard.gaps).toBeGreaterThan(1)
    } finally {
      server.signal('SIGCONT')
    }
    await vi.waitFor(async () => expect((await states.read(['a']))[0]?.state).toBe('loading'), WAIT)
    await other.settle(lease, READY)
    await vi.waitFor(async () => {
      await states.invalidate(['told'])
      expect(heard.keys).toContain('told')
    }, WAIT)
  })

  test('a claim that is answered too late is given back', async () => {
    const [states, other] = [await openHasty(), await open()]
    await claimed(other, 'script')
    server.signal('SIGSTOP')
    await expect(states.claim('a', LONG)).rejects.toMatchObject(AWAY)
    server.signal('SIGCONT')
    await vi.waitFor(async () => expect(await server.cli('GET', 'mk:{a}')).toMatch(/^forgotten /), WAIT)
    await claimed(other, 'a')
  })

  test('a client of the host that queues and sends again does neither for long, and is left open', async () => {
    const client = new Redis(server.url)
    opened.push(client)
    client.on('error', () => undefined)
    const states = redisStates({ client })
    await vi.waitFor(() => states.read(['a']), WAIT)
    const lease = await claimed(await open(), 'a')
    server.signal('SIGSTOP')
    try {
      expect(await failsSoon(callsOf(states, lease))).toBeLessThan(SOON_MS)
    } finally {
      server.signal('SIGCONT')
    }
    await vi.waitFor(() => states.read(['a']), WAIT)
    await states.close()
    await expect(states.read(['a'])).rejects.toMatchObject({ code: 'MEDIA_CLOSED' })
    expect(await client.ping()).toBe('PONG')
  })

  test('what is damaged, or not ours, is unknown and gone, and takes nobody’s place', async () => {
    const states = await open()
    for (const [key, ...write] of [
      ['text', 'SET', 'mk:{text}', 'hello'],
      ['facts', 'SET', 'mk:{facts}', 'ready 5 99999999999999 {"state":"ready"'],
      ['other', 'SET', 'mk:{other}', 'ready 5 99999999999999 {"state":"cold","tier":"s3"}'],
      ['huge', 'SET', 'mk:{huge}', `loading ${'9'.repeat(300)} ${'9'.repeat(300)} 1 1`],
      ['missing', 'SET', 'mk:{missing}', 'missing 5 99999999999999 {"state":"missing"}'],
      ['list', 'RPUSH', 'mk:{list}', 'x'],
    ] as const) {
      await server.cli(...write)
      expect(await states.read([key]), key).toEqual([undefined])
      const lease = await claimed(states, key)
      await states.settle(lease, READY)
      expect(await states.read([key]), key).toEqual([READY])
    }
  })

  test('a replica that only reads is as one that is away', async () => {
    const states = await open()
    const lease = await claimed(states, 'a')
    await server.cli('REPLICAOF', '127.0.0.1', '1')
    await expect(states.settle(lease, READY)).rejects.toMatchObject({
      ...AWAY,
      message: expect.stringContaining('READONLY') as string,
    })
    await server.cli('REPLICAOF', 'NO', 'ONE')
    await vi.waitFor(async () => expect((await states.read(['a']))[0]?.state).toBe('loading'), WAIT)
    await states.settle(lease, READY)
  })

  test('a process that was busy for longer than a call may take finds its answer all the same', async () => {
    const states = await openHasty()
    await claimed(await open(), 'a')
    const answer = states.read(['a', 'b'])
    const endsMs = performance.now() + 1_000
    while (performance.now() < endsMs) continue
    expect((await answer).map((state) => state?.state)).toEqual(['loading', undefined])
  })

  test('close() leaves no connection', async () => {
    const states = await openRedisStates({ url: server.url })
    await listen(states)
    await states.close()
    await vi.waitFor(async () => {
      const clients = (await server.cli('CLIENT', 'LIST')).split('\n')
      expect(clients.filter((line) => line.includes('name=mediakeep'))).toEqual([])
    }, WAIT)
  })
})
