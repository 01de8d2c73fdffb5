import type { ResourceStates } from '@mediakeep/core'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RedisClient } from './client.ts'
import { redisStates } from './index.ts'

const AWAY = { code: 'MEDIA_UNAVAILABLE', reason: 'states-unreachable' }
/** A lease, which is read by a second command, and by a third where Redis does not know the script. */
const LOADING = 'loading 5 9999999999999 1 2'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A Redis that answers every command so late, and forgot its scripts. */
function slowRedis(delayMs: number, status = 'ready') {
  const asked: string[] = []
  const slow = async <T>(name: string, answer: () => T): Promise<T> => {
    asked.push(name)
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    return answer()
  }
  const client: RedisClient = {
    status,
    connect: async () => undefined,
    disconnect: () => undefined,
    get: () => slow('get', () => LOADING),
    mget: (keys) => slow('mget', () => keys.map(() => LOADING)),
    evalsha: () =>
      slow('evalsha', () => {
        throw Object.assign(new Error('NOSCRIPT No matching script.'), { name: 'ReplyError' })
      }),
    eval: () => slow('eval', () => [LOADING, '1']),
    publish: () => slow('publish', () => 0),
    on: () => undefined,
    off: () => undefined,
    duplicate: () => {
      throw new Error('nobody listens')
    },
  }
  return { client, asked }
}

/** How long a call took by the fake time, and how it ended. */
async function timed(call: Promise<unknown>): Promise<{ tookMs: number; ended: unknown }> {
  const startedMs = performance.now()
  let ended: unknown
  let tookMs: number | undefined
  const end = (how: unknown): void => {
    ended = how
    tookMs = performance.now() - startedMs
  }
  call.then(end, end)
  while (tookMs === undefined) await vi.advanceTimersByTimeAsync(1)
  return { tookMs, ended }
}

const statesOf = (client: RedisClient): ResourceStates => redisStates({ client })

test('a read of three commands takes as long in all as one command may', async () => {
  const { client, asked } = slowRedis(30)
  const { tookMs, ended } = await timed(statesOf(client).read(['a']))
  expect(ended).toMatchObject(AWAY)
  expect(asked).toEqual(['mget', 'evalsha'])
  expect(tookMs).toBeLessThanOrEqual(52)
})

test('a change whose script Redis forgot takes as long in all as one command may', async () => {
  const { client, asked } = slowRedis(30)
  const { tookMs, ended } = await timed(statesOf(client).claim('a', { ttlMs: 1_000 }))
  expect(ended).toMatchObject(AWAY)
  expect(asked).toEqual(['evalsha', 'eval'])
  expect(tookMs).toBeLessThanOrEqual(52)
})

test('three commands that come within the time of one are a read', async () => {
  const { client, asked } = slowRedis(15)
  const { ended } = await timed(statesOf(client).read(['a']))
  expect(ended).toMatchObject([{ state: 'loading' }])
  expect(asked).toEqual(['mget', 'evalsha', 'eval'])
})

test('withinMs ends a read sooner, asks nothing when it is over, and does not make a slow Redis a silent one', async () => {
  const { client, asked } = slowRedis(12)
  const states = statesOf(client)
  const { tookMs, ended } = await timed(states.read(['a'], { withinMs: 10 }))
  expect(ended).toMatchObject(AWAY)
  expect(tookMs).toBeLessThanOrEqual(12)
  expect((await timed(states.read(['a'], { withinMs: 0 }))).ended).toMatchObject(AWAY)
  expect(asked).toEqual(['mget'])
  // The next call does not fail for it.
  expect((await timed(states.read(['a']))).ended).toMatchObject([{ state: 'loading' }])
})

test('withinMs ends also the wait for the first connection', async () => {
  const { client, asked } = slowRedis(1, 'connecting')
  const { tookMs, ended } = await timed(statesOf(client).read(['a'], { withinMs: 20 }))
  expect(ended).toMatchObject(AWAY)
  expect(tookMs).toBeLessThanOrEqual(22)
  expect(asked).toEqual([])
})
