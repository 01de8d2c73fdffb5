import { createHash } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { openRedisStates } from '@mediakeep/adapters/redis'
import { s3Store } from '@mediakeep/adapters/s3'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import {
  awsPrices,
  createMediaStore,
  type ExpireProgress,
  type MediaStore,
  type ObjectStore,
} from '@mediakeep/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkRequest, type Response } from '../../packages/envoy/src/codec/proto.fixture.ts'
import { connectTo, type GateClient } from '../../packages/envoy/src/grpc/client.fixture.ts'
import { missingServer, type ObjectServer, startMinio } from '../../scripts/lib/object-servers.mjs'
import { missingRedisReason, type RedisServer, startRedis } from '../../scripts/redis.mjs'
import { describeUnless } from '../describe-unless.ts'
import { type Proxy, type SeenRequest, startProxy, type Trouble } from '../s3/proxy.ts'
import { type Host, startProgram } from '../tiers/host.ts'
import { opaqueBytes, toEnd, usageOf } from '../tiers/real-tiers.ts'

const KiB = 1024
const CHECKS = 1_000
/** Shorter than a lease of 30 s: what a dead process had under way is over when its load is. */
const SESSION_TTL_MS = 20_000

interface Gate {
  readonly host: Host
  readonly client: GateClient
}

interface Verdict {
  readonly state: string
  /** As logs of the proxy have it. */
  readonly reason: string
  readonly status: number
  readonly retryAfter: number | undefined
}

describeUnless(
  missingServer('minio') ?? missingRedisReason(),
  'three gates that share one long-term bucket',
  () => {
    let folder: string
    let minio: ObjectServer
    let redis: RedisServer
    let proxy: Proxy
    let store: MediaStore
    let disk: ObjectStore
    const gates: Gate[] = []

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'mediakeep-gates-'))
      minio = await startMinio()
      redis = await startRedis()
      proxy = await startProxy(minio)
      await using set = bucket(minio.endpoint)
      await set.setUpBucket()
    })
    afterAll(async () => {
      await proxy?.stop()
      await redis?.stop()
      await minio?.stop()
      await rm(folder, { recursive: true, force: true })
    })

    const bucketOf = (endpoint: string) => ({
      bucket: 'media',
      endpoint,
      region: minio.region,
      credentials: { accessKeyId: minio.accessKeyId, secretAccessKey: minio.secretAccessKey },
    })
    const bucket = (endpoint: string) => s3Store({ ...bucketOf(endpoint), paid: true })

    beforeAll(async () => {
      const catalogFile = join(folder, 'catalog.sqlite')
      const root = join(folder, 'disk')
      disk = fsStore({ root, stagingHeadRoomBytes: 0, sweepAfterMs: 1_000 })
      // What it puts goes to the bucket at once.
      store = await createMediaStore({
        catalog: sqliteCatalog({ file: catalogFile }),
        tiers: [
          { name: 'disk', store: disk },
          { name: 's3', store: bucket(minio.endpoint), prices: awsPrices('us-east-1') },
        ],
        resourceStates: await openRedisStates({ url: redis.url }),
        tiering: { rules: [{ name: 'all', match: {}, tiers: ['s3'] }] },
        upkeep: { intervalMs: 0, garbageGraceMs: 0 },
        sessionTtlMs: SESSION_TTL_MS,
      })
      const options = {
        catalogFile,
        root,
        bucket: bucketOf(proxy.endpoint),
        redisUrl: redis.url,
        sessionTtlMs: SESSION_TTL_MS,
      }
      const hosts = await Promise.all(
        [0, 1, 2].map(() => startProgram(join(import.meta.dirname, 'gate.program.mjs'), options)),
      )
      for (const host of hosts) {
        const port = await host.ask<number>('port')
        gates.push({ host, client: connectTo(`127.0.0.1:${port}`) })
      }
    })
    afterAll(async () => {
      for (const { host, client } of gates.splice(0)) {
        client.close()
        await host.kill()
      }
      await store?.close()
    })

    const putCold = async (sizeBytes: number): Promise<Cold> => {
      const bytes = opaqueBytes(sizeBytes)
      const { id } = await store.put(bytes, { visibility: 'public' })
      const digest = createHash('sha256').update(bytes).digest('hex')
      const isRead = ({ class: of, path }: SeenRequest): boolean => of === 'get' && path.includes(digest)
      return { id, bytes, isRead, reads: () => proxy.seen.filter(isRead).length }
    }
    const check = async ({ client }: Gate, id: string): Promise<Verdict> =>
      verdictOf(
        await client.check(
          checkRequest({ http: { method: 'GET', path: `/media/${id}/content`, scheme: 'http' } }),
        ),
      )
    const untilReady = async (gate: Gate, id: string, withinMs: number): Promise<Verdict[]> => {
      const before: Verdict[] = []
      await expect
        .poll(
          async () => {
            const verdict = await check(gate, id)
            if (verdict.state !== 'ready') before.push(verdict)
            return verdict.state
          },
          { timeout: withinMs, interval: 250 },
        )
        .toBe('ready')
      return before
    }
    const bytesOf = async (id: string): Promise<Buffer> => {
      await using reader = await store.open(id)
      expect(reader.tier).toBe('disk')
      return Buffer.from(await reader.bytes({ maxBytes: 1e8 }))
    }

    const isReadOnce = async (): Promise<void> => {
      const cold = await putCold(300 * KiB)
      const [first] = gates
      if (first === undefined) throw new Error('there are three')
      proxy.trouble = (request) => (cold.isRead(request) ? { type: 'slow', waitMs: 400 } : undefined)
      const verdicts = await Promise.all(
        Array.from({ length: CHECKS }, async (_, index) =>
          check(gates[index % gates.length] ?? first, cold.id),
        ),
      )
      const states = new Map<string, number>()
      for (const { state, reason, status, retryAfter } of verdicts) {
        const words = `${status} ${state} ${reason}`
        states.set(words, (states.get(words) ?? 0) + 1)
        expect({ status, state }).toEqual({ status: 503, state: 'loading' })
        expect(retryAfter).toBeGreaterThanOrEqual(1)
      }
      for (const gate of gates)
        for (const { state } of await untilReady(gate, cold.id, 20_000)) expect(state).toBe('loading')
      const counts = await Promise.all(gates.map(({ host }) => host.ask<Counts>('counts')))
      console.log(
        `${CHECKS} checks over ${gates.length} gates: ${[...states].map((each) => each.join(' x')).join(', ')}; ` +
          `looks ${counts.map(({ looks }) => looks).join(' + ')}, ` +
          `fetches asked for ${counts.map(({ fetchesStarted }) => fetchesStarted).join(' + ')}, ` +
          `reads of the bucket ${cold.reads()}`,
      )
      expect(cold.reads()).toBe(1)
      expect((await bytesOf(cold.id)).equals(cold.bytes)).toBe(true)
    }

    it(
      `${CHECKS} parallel checks of one cold media: one read of the bucket, all told to wait, then ready at each`,
      isReadOnce,
    )

    it('the same while Redis stands still: the catalog says who waits for whom', async () => {
      redis.signal('SIGSTOP')
      try {
        await isReadOnce()
      } finally {
        redis.signal('SIGCONT')
      }
    })

    it('a loader killed -9 and one stopped beyond its lease: another takes both over, one copy of each is live, the rest is collected', async () => {
      const [a, b, c] = gates
      if (a === undefined || b === undefined || c === undefined) throw new Error('there are three')
      const [x, y] = [await putCold(700 * KiB), await putCold(900 * KiB)]
      // The first read of each never comes to its end, before the others are let through.
      proxy.trouble = (request) =>
        stall(x, request, { type: 'hang' }) ?? stall(y, request, { type: 'slow', waitMs: 100 })
      expect(await check(a, x.id)).toMatchObject({ status: 503, state: 'loading' })
      expect(await check(b, y.id)).toMatchObject({ status: 503, state: 'loading' })
      await expect.poll(() => [x.reads(), y.reads()]).toEqual([1, 1])
      await a.host.kill()
      b.host.signal('SIGSTOP')
      const killedMs = performance.now()

      const waits = await Promise.all([untilReady(c, x.id, 50_000), untilReady(c, y.id, 50_000)])
      const tookMs = Math.round(performance.now() - killedMs)
      for (const { status, state, retryAfter } of waits.flat()) {
        expect({ status, state }).toEqual({ status: 503, state: 'loading' })
        expect(retryAfter).toBeGreaterThanOrEqual(1)
      }
      expect([x.reads(), y.reads()]).toEqual([2, 2])

      b.host.signal('SIGCONT')
      expect((await check(b, y.id)).state).toBe('ready')
      const ends = (): Promise<readonly string[]> => b.host.ask('ends')
      await expect.poll(ends, { timeout: 30_000 }).toEqual([expect.stringContaining('MEDIA_LEASE_LOST')])
      for (const { id, bytes } of [x, y]) {
        expect((await bytesOf(id)).equals(bytes)).toBe(true)
        const { copies } = await store.tiers.explain(id)
        expect(copies.filter(({ tier }) => tier === 'disk')).toHaveLength(1)
      }
      // What the dead one reserved, and began to write, goes when its session is over.
      let swept: ExpireProgress | undefined
      for await (const progress of store.upkeep.expire()) swept = progress
      expect(swept?.expiredSessions).toBeGreaterThanOrEqual(1)
      expect(swept?.removedStagingFiles).toBe(1)
      expect(await readdir(join(folder, 'disk', 'staging'))).toEqual([])
      await toEnd(store.upkeep.collectGarbage({ graceMs: 0, thorough: true, force: true }))
      const { reservedBytes, objects } = await usageOf(store, 'disk')
      expect(reservedBytes).toBe(0)
      expect(await objectsOf(disk)).toBe(objects)
      console.log(`another gate had both ready ${tookMs} ms after their loaders were lost`)
      for (const { id, bytes } of [x, y]) expect((await bytesOf(id)).equals(bytes)).toBe(true)
    })

    it('a loader killed -9 while Redis stands still: who waited for it takes over when its lease ends, by a second read', async () => {
      const [, b, c] = gates
      if (b === undefined || c === undefined) throw new Error('there are three')
      const cold = await putCold(700 * KiB)
      proxy.trouble = (request) => stall(cold, request, { type: 'hang' })
      redis.signal('SIGSTOP')
      try {
        expect(await check(b, cold.id)).toMatchObject({ status: 503, state: 'loading' })
        await expect.poll(() => cold.reads(), { timeout: 10_000 }).toBe(1)
        expect(await check(c, cold.id)).toMatchObject({ status: 503, state: 'loading' })
        await b.host.kill()
        for (const { status, state } of await untilReady(c, cold.id, 50_000))
          expect({ status, state }).toEqual({ status: 503, state: 'loading' })
      } finally {
        redis.signal('SIGCONT')
      }
      expect(cold.reads()).toBe(2)
      expect((await bytesOf(cold.id)).equals(cold.bytes)).toBe(true)
    })
  },
)

interface Cold {
  readonly id: string
  readonly bytes: Buffer
  readonly isRead: (request: SeenRequest) => boolean
  /** Of its bytes at the bucket, by gates. */
  reads(): number
}

interface Counts {
  readonly looks: number
  readonly fetchesStarted: number
}

/** The first read only. */
const stall = (cold: Cold, request: SeenRequest, trouble: Trouble): Trouble | undefined =>
  cold.isRead(request) && cold.reads() === 1 ? trouble : undefined

function verdictOf({ denied_response: denied, ok_response: ok, dynamic_metadata: facts }: Response): Verdict {
  const headers = new Map<string, string>()
  for (const { header } of [...(denied?.headers ?? []), ...(ok?.headers ?? [])])
    headers.set(header.key.toLowerCase(), header.raw_value?.toString() ?? header.value ?? '')
  const retryAfter = headers.get('retry-after')
  return {
    state: headers.get('x-media-state') ?? '',
    reason: facts?.fields?.['reason']?.string_value ?? '',
    status: denied?.status.code ?? 200,
    retryAfter: retryAfter === undefined ? undefined : Number(retryAfter),
  }
}

async function objectsOf(store: ObjectStore): Promise<number> {
  let count = 0
  let cursor: string | undefined
  do {
    const page = await store.list(cursor === undefined ? {} : { cursor })
    count += page.objects.filter(({ key }) => /^[0-9a-f]{2}\//.test(key)).length
    cursor = page.cursor
  } while (cursor !== undefined)
  return count
}
