import type { ResourceStates } from '@mediakeep/core'
import { afterAll, expect, test } from 'vitest'
import { missingRedisReason, startRedis } from '../../../../scripts/redis.mjs'
import { describeOn } from '../testing/server.fixture.ts'
import { openRedisStates } from './index.ts'
import { claimed, LONG, READY } from './testing/listen.fixture.ts'

/** About as much as thousands of keys need beyond what an empty Redis takes. */
const SETTINGS = { maxmemory: '3mb', 'maxmemory-samples': 5 }
const KEYS = 20_000

const patient = async (url: string): Promise<ResourceStates> => {
  const states = await openRedisStates({ url, commandTimeoutMs: 10_000 })
  afterAll(() => states.close())
  return states
}

await describeOn(
  'a Redis that evicts',
  missingRedisReason(),
  () => startRedis({ settings: { ...SETTINGS, 'maxmemory-policy': 'allkeys-lru' } }),
  (server) => {
    test('forgets under allkeys-lru, and whatever it still knows is right', async () => {
      const states = await patient(server.url)
      const keys = Array.from({ length: KEYS }, (_, index) => `blob-${index}`)
      const tokens = new Map<string, number>()
      for (let start = 0; start < KEYS; start += 100)
        await Promise.all(
          keys.slice(start, start + 100).map(async (key) => {
            const lease = await claimed(states, key)
            tokens.set(key, lease.fencingToken)
            await states.settle(lease, { ...READY, tier: `t-${key}` }).catch((error: unknown) => {
              expect(error).toMatchObject({ code: 'MEDIA_LEASE_LOST' })
            })
          }),
        )
      const known = await states.read(keys)
      let unknown = 0
      for (const [index, key] of keys.entries()) {
        const state = known[index]
        if (state === undefined) unknown++
        else expect(state).toEqual({ ...READY, tier: `t-${key}` })
      }
      expect(unknown).toBeGreaterThan(KEYS / 10)
      expect(unknown).toBeLessThan(KEYS)
      for (const key of keys.slice(0, 500)) {
        const lease = await states.claim(key, LONG)
        if (lease !== undefined) expect(lease.fencingToken).toBeGreaterThan(tokens.get(key) ?? 0)
      }
    })
  },
)

await describeOn(
  'a Redis that is full',
  missingRedisReason(),
  () => startRedis({ settings: { ...SETTINGS, 'maxmemory-policy': 'noeviction' } }),
  (server) => {
    test('refuses changes as one that is away, and answers what it knows', async () => {
      const states = await patient(server.url)
      await states.settle(await claimed(states, 'a'), READY)
      const fill = async (): Promise<void> => {
        for (let index = 0; index < 100_000; index++) await states.claim(`fill-${index}`, LONG)
      }
      await expect(fill()).rejects.toMatchObject({
        code: 'MEDIA_UNAVAILABLE',
        reason: 'states-unreachable',
        message: expect.stringContaining('OOM') as string,
      })
      expect(await states.read(['a'])).toEqual([READY])
    })
  },
)
