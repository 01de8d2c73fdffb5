import { join } from 'node:path'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { isMediaError } from '@mediakeep/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts'
import { describeRealTiers, diskAt, inParallel, opaqueBytes, prices, toEnd } from './real-tiers.ts'

const MiB = 1024 * 1024

describeRealTiers('paid calls, counted on the wire', (real) => {
  let proxy: CountingProxy
  beforeAll(async () => {
    proxy = await startCountingProxy(real().minio)
  })
  afterAll(() => proxy.stop())
  const open = (name: string) =>
    real().open({
      catalog: sqliteCatalog({ file: join(real().folder, `${name}.sqlite`) }),
      tiers: [
        { name: 'disk', store: diskAt(join(real().folder, name)), capacityBytes: 64 * MiB },
        { name: 's3', store: real().bucket(name, proxy.endpoint), prices },
      ],
      reads: { cacheBytes: 0 },
      tiering: {
        rules: [{ name: 'small to s3', match: { maxBytes: 16_384 }, tiers: ['s3', 'disk'] }],
        promotion: { reads: 3 },
      },
    })

  it('10,000 reads of ids and keys that nobody knows: no GET, no HEAD', async () => {
    const store = await open('absent')
    proxy.reset()
    await inParallel(10_000, 32, async (index) => {
      const ref =
        index % 2 === 0
          ? { key: `nobody/${index}` }
          : `01890000-0000-7000-8000-${String(index).padStart(12, '0')}`
      const error = await store.open(ref).catch((reason: unknown) => reason)
      expect(isMediaError(error, 'MEDIA_ABSENT')).toBe(true)
    })
    expect(Object.fromEntries(proxy.counts)).toEqual({})
    const { rows } = await store.tiers.costs()
    expect(rows.find(({ cause }) => cause === 'registry')?.calls).toBe(10_000)
    await store.close()
  })

  it('10,000 mixed operations: the ledger is what went over the wire, class by class', async () => {
    proxy.reset()
    const store = await open('mixed')
    const ids: string[] = []
    const counted = { put: 0, read: 0, delete: 0, absent: 0 }
    await inParallel(10_000, 16, async (index) => {
      const act = index % 10
      if (act < 3 || ids.length < 20) {
        ids.push((await store.put(opaqueBytes(act === 0 ? 40_000 : 1_000 + (index % 9_000)))).id)
        counted.put += 1
      } else if (act < 8) {
        const id = ids[(index * 31) % ids.length] as string
        const reader = await store.open(id).catch((error: unknown) => {
          if (isMediaError(error, 'MEDIA_ABSENT')) return undefined
          throw error
        })
        if (reader === undefined) counted.absent += 1
        else {
          await reader.bytes({ maxBytes: 1e6 })
          counted.read += 1
        }
      } else if (act === 8 && ids.length > 100) {
        await store.delete(ids.splice((index * 17) % ids.length, 1)[0] as string)
        counted.delete += 1
      } else await store.stat(ids[index % ids.length] as string)
    })
    await toEnd(store.upkeep.collectGarbage({ graceMs: 0, force: true }))
    const { rows } = await store.tiers.costs()
    const ledger = new Map<string, number>()
    for (const row of rows) {
      if (row.class === 'avoided') continue
      ledger.set(row.class, (ledger.get(row.class) ?? 0) + row.calls)
    }
    console.log(
      `acts ${JSON.stringify(counted)}; wire ${JSON.stringify(Object.fromEntries(proxy.counts))}; ledger ${JSON.stringify(Object.fromEntries(ledger))}`,
    )
    const sorted = (counts: ReadonlyMap<string, number>): unknown =>
      [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
    expect(sorted(ledger)).toEqual(sorted(proxy.counts))
    expect(proxy.count('get')).toBeGreaterThan(500)
    expect(proxy.count('put')).toBeGreaterThan(500)
    await store.close()
  })
})
