import { join } from 'node:path'
import { expect, it } from 'vitest'
import { makeExt4, mountImage, whyNoImages } from '../../torture/harness/image.ts'
import { sampleDisk } from './disk-sampler.ts'
import { createKept, describeRealTiers, diskAt, inParallel, prices, toEnd, usageOf } from './real-tiers.ts'

const MiB = 1024 * 1024
const CAPACITY = 96 * MiB
const OBJECTS = 2_000
const noImages = await whyNoImages()

/** 8 to 200 KiB. */
const sizeOf = (index: number): number => 8_192 + ((index * 7_919) % 196_608)

describeRealTiers(
  'a disk tier before a real MinIO',
  (real) => {
    it('takes 2,000 objects past its capacity: none fails, the file system never holds more than the capacity, all come back', async () => {
      const image = join(real().folder, 'disk')
      await makeExt4(image, CAPACITY + 64 * MiB)
      const disk = await mountImage(image)
      try {
        const store = await real().open({
          tiers: [
            { name: 'disk', store: diskAt(join(disk.folder, 'volume')), capacityBytes: CAPACITY },
            { name: 's3', store: real().bucket('burst'), prices },
          ],
          tiering: { burst: { holdMs: 200 } },
        })
        const sampler = await sampleDisk(disk.folder)
        const kept = createKept()
        await inParallel(OBJECTS, 16, async (index) => {
          await kept.put(store, sizeOf(index))
        })
        const after = await usageOf(store, 'disk')
        await toEnd(store.tiers.apply())
        const { mostBytes, samples } = await sampler.stop()
        const relieved = await usageOf(store, 'disk')
        const total = Array.from({ length: OBJECTS }, (_, n) => sizeOf(n)).reduce(
          (sum, size) => sum + size,
          0,
        )
        console.log(
          `${OBJECTS} objects, ${mib(total)} MiB, onto ${mib(CAPACITY)} MiB: at most ${mib(mostBytes)} MiB in ${samples} samples; ` +
            `${mib(after.storedBytes)} MiB at the end of the load, ${mib(relieved.storedBytes)} MiB relieved`,
        )
        expect(kept.digests.size).toBe(OBJECTS)
        expect(total).toBeGreaterThan(1.5 * CAPACITY)
        expect(samples).toBeGreaterThan(10)
        expect(mostBytes).toBeLessThanOrEqual(CAPACITY)
        expect(mostBytes).toBeGreaterThan(0.8 * CAPACITY)
        // Below the high watermark, and not emptied below the low one by more than a step of moves.
        expect(relieved.storedBytes).toBeLessThan(0.9 * CAPACITY)
        expect(relieved.storedBytes).toBeGreaterThan(0.7 * CAPACITY)
        expect(relieved.reservedBytes).toBe(0)
        expect(await kept.readBack(store)).toBe(OBJECTS)
        await store.close()
      } finally {
        await disk.unmount()
      }
    })

    it('loses nothing when MinIO is killed in the middle of a burst, and drains once it is back', async () => {
      const store = await real().open({
        catalog: (await import('@mediakeep/adapters/sqlite')).sqliteCatalog({
          file: join(real().folder, 'killed.sqlite'),
        }),
        tiers: [
          { name: 'disk', store: diskAt(join(real().folder, 'killed')), capacityBytes: 16 * MiB },
          { name: 's3', store: real().bucket('killed'), prices },
        ],
        tiering: { burst: { holdMs: 200 } },
      })
      const kept = createKept()
      let refused = 0
      let killed: Promise<void> | undefined
      let back: Promise<void> | undefined
      await inParallel(600, 8, async (index) => {
        if (index === 250) killed = real().minio.kill()
        if (index >= 450) {
          // Once it is back the store must find out by itself.
          back ??= Promise.resolve(killed)
            .then(() => real().minio.restart())
            .then(() => new Promise((resolve) => setTimeout(resolve, 3_000)))
          await back
        }
        await kept.put(store, sizeOf(index)).catch((error: unknown) => {
          expect(['MEDIA_UNAVAILABLE', 'MEDIA_NO_SPACE', 'MEDIA_TIMEOUT'], String(error)).toContain(
            (error as { code?: string }).code,
          )
          refused += 1
        })
      })
      const waiting = async (): Promise<number> => {
        let last = 0
        for await (const progress of store.tiers.apply()) last = progress.waiting
        const { moves } = await store.tiers.plan()
        return moves.filter(({ cause }) => cause !== 'heal').length + last
      }
      for (let tries = 0; tries < 60 && (await waiting()) > 0; tries++)
        await new Promise((resolve) => setTimeout(resolve, 500))
      expect((await store.tiers.plan()).moves.filter(({ cause }) => cause !== 'heal')).toEqual([])
      console.log(`${kept.digests.size} acknowledged, ${refused} refused while MinIO was gone`)
      expect(kept.digests.size + refused).toBe(600)
      expect(kept.digests.size).toBeGreaterThan(380)
      expect(await kept.readBack(store)).toBe(kept.digests.size)
      await toEnd(store.upkeep.expire())
      for (const { volumes } of await store.tiers.status())
        for (const { reservedBytes } of volumes) expect(reservedBytes).toBe(0)
      await store.close()
    })
  },
  noImages,
)

const mib = (bytes: number): string => (bytes / MiB).toFixed(1)
