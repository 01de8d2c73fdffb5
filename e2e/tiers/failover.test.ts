import { join } from 'node:path'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { expect, it } from 'vitest'
import { createKept, describeRealTiers, diskAt, inParallel, prices, toEnd, usageOf } from './real-tiers.ts'

describeRealTiers('a bucket first, a disk when it is gone', (real) => {
  it('the primary is killed during 1,000 writes: all are kept, the records say where, they come back, deletions reach every copy', async () => {
    const store = await real().open({
      catalog: sqliteCatalog({ file: join(real().folder, 'failover.sqlite') }),
      tiers: [
        { name: 's3', store: real().bucket('failover'), prices },
        { name: 'disk', store: diskAt(join(real().folder, 'failover')) },
      ],
      tiering: { burst: { holdMs: 500 } },
    })
    const kept = createKept()
    let killed: Promise<void> | undefined
    await inParallel(1_000, 8, async (index) => {
      if (index === 300) killed = real().minio.kill()
      if (index === 700) {
        await killed
        await real().minio.restart()
      }
      await kept.put(store, 2_000 + index)
    })
    expect(kept.digests.size).toBe(1_000)
    const away = await usageOf(store, 'disk')
    expect(away.objects).toBeGreaterThan(100)
    let elsewhere = 0
    for (const id of kept.digests.keys()) {
      const { copies } = await store.tiers.explain(id)
      expect(copies.length).toBeGreaterThan(0)
      if (copies.every(({ tier }) => tier === 'disk')) elsewhere += 1
    }
    expect(elsewhere).toBe(away.objects)
    expect(await kept.readBack(store)).toBe(1_000)
    for (let tries = 0; tries < 100 && (await usageOf(store, 'disk')).objects > 0; tries++) {
      await toEnd(store.tiers.apply())
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    // Writes that the bucket did not answer left rows, not objects.
    await toEnd(store.upkeep.collectGarbage({ graceMs: 0, force: true }))
    console.log(
      `${elsewhere} of 1,000 went to the disk while the bucket was gone; ${(await usageOf(store, 's3')).objects} are in the bucket now`,
    )
    expect((await usageOf(store, 'disk')).objects).toBe(0)
    expect((await usageOf(store, 's3')).objects).toBe(1_000)
    expect(await kept.readBack(store)).toBe(1_000)
    for (const id of kept.digests.keys()) await store.delete(id)
    await toEnd(store.upkeep.collectGarbage({ graceMs: 0, force: true }))
    expect((await usageOf(store, 's3')).objects + (await usageOf(store, 'disk')).objects).toBe(0)
    await store.close()
  })
})
