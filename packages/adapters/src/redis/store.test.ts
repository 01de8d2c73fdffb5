import { randomBytes } from 'node:crypto'
import {
  createMediaStore,
  createMemoryTables,
  createMemoryVolume,
  KiB,
  type MediaStore,
  memoryCatalog,
  memoryStore,
  type ObjectStore,
  systemClock,
  withMeter,
} from '@mediakeep/core'
import { afterEach, expect, test, vi } from 'vitest'
import { missingRedisReason, startRedis } from '../../../../scripts/redis.mjs'
import { describeOn } from '../testing/server.fixture.ts'
import { openRedisStates } from './index.ts'

const HANDLES = 3
const SIZE = 300 * KiB
const BUCKET_MS = 300
const WAIT = { timeout: 15_000, interval: 10 }

const opened: MediaStore[] = []
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close()
})

/** Several stores of one catalog, one disk and one bucket, as processes on one host are; a body that lies in the bucket only. */
async function stores(url: string, commandTimeoutMs = 2_000) {
  const tables = createMemoryTables()
  const volumeOptions = { maxBytes: 1e9, clock: systemClock }
  const [disk, bucket] = [createMemoryVolume(volumeOptions), createMemoryVolume(volumeOptions)]
  const gets: string[] = []
  const all: MediaStore[] = []
  for (let n = 0; n < HANDLES; n++)
    all.push(
      await createMediaStore({
        tiers: [
          { name: 'disk', store: memoryStore({ name: 'disk', volume: disk }), capacityBytes: 1_000 * SIZE },
          {
            name: 'bucket',
            serves: false,
            store: withMeter(slowly(memoryStore({ name: 'bucket', volume: bucket })), {
              onAttempt: ({ class: kind }) => kind === 'get' && gets.push(kind),
            }),
          },
        ],
        catalog: memoryCatalog({ tables }),
        tiering: { rules: [{ name: 'all', match: {}, tiers: ['bucket'] }] },
        upkeep: { intervalMs: 0 },
        reads: { cacheBytes: 0 },
        resourceStates: await openRedisStates({ url, commandTimeoutMs }),
      }),
    )
  opened.push(...all)
  const [first] = all
  if (first === undefined) throw new Error('there is none')
  const bytes = randomBytes(SIZE)
  const { id } = await first.put(bytes)
  expect((await first.availability(id)).state).toBe('cold')
  gets.length = 0
  return { all, gets, id, bytes, disk }
}

/** As far away as a bucket is: whoever asks while another reads has time to do the same. */
function slowly(store: ObjectStore): ObjectStore {
  const get: ObjectStore['get'] = async (key, options) => {
    await new Promise((resolve) => setTimeout(resolve, BUCKET_MS))
    return store.get(key, options)
  }
  return Object.create(store, { get: { value: get } }) as ObjectStore
}

async function allServe(all: readonly MediaStore[], id: string, bytes: Buffer): Promise<void> {
  for (const store of all) {
    await vi.waitFor(async () => expect((await store.availability(id)).state).toBe('ready'), WAIT)
    await using reader = await store.open(id)
    expect(Buffer.from(await reader.bytes({ maxBytes: SIZE })).equals(bytes)).toBe(true)
  }
}

await describeOn('media stores that share a Redis', missingRedisReason(), startRedis, (server) => {
  test('1,000 that ask for one cold media at once, at three stores, cost one read of the bucket', async () => {
    const { all, gets, id, bytes } = await stores(server.url)
    const asked = Array.from({ length: 1_000 }, (_, n) => all[n % HANDLES]?.warm(id))
    for (const availability of await Promise.all(asked))
      expect(['loading', 'ready']).toContain(availability?.state)
    await allServe(all, id, bytes)
    expect(gets).toHaveLength(1)
  })

  test('standing still, it costs one read all the same: who waits for whom is in the catalog', async () => {
    const { all, gets, id, bytes } = await stores(server.url, 50)
    server.signal('SIGSTOP')
    try {
      const asked = Array.from({ length: 1_000 }, (_, n) => all[n % HANDLES]?.warm(id))
      for (const availability of await Promise.all(asked))
        expect(['loading', 'ready']).toContain(availability?.state)
      await allServe(all, id, bytes)
    } finally {
      server.signal('SIGCONT')
    }
    expect(gets).toHaveLength(1)
  })

  test('flushed and standing still in the middle, they load more often at most, and serve the right bytes', async () => {
    const { all, gets, id, bytes } = await stores(server.url)
    const asked = Array.from({ length: 300 }, (_, n) => all[n % HANDLES]?.warm(id))
    await server.cli('FLUSHALL')
    server.signal('SIGSTOP')
    try {
      for (let n = 0; n < 30; n++) void all[n % HANDLES]?.warm(id)
      for (const store of all) {
        await using reader = await store.open(id)
        expect(Buffer.from(await reader.bytes({ maxBytes: SIZE })).equals(bytes)).toBe(true)
      }
    } finally {
      server.signal('SIGCONT')
    }
    await Promise.all(asked)
    await allServe(all, id, bytes)
    expect(gets.length).toBeLessThanOrEqual(2 * HANDLES)
  })
})
