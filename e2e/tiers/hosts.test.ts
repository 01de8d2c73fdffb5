import { join } from 'node:path'
import type { TierStatus } from '@mediakeep/core'
import { afterEach, expect, it } from 'vitest'
import { type Host, startHost } from './host.ts'
import { describeRealTiers } from './real-tiers.ts'

const LONG = process.env['MEDIAKEEP_LONG'] === '1'
const KiB = 1024
const KILLS = LONG ? 16 : 6

interface Kept {
  readonly id: string
  readonly digest: string
}
interface Read {
  readonly tier?: string
  readonly digest?: string
  readonly code?: string
  readonly reason?: string
}

describeRealTiers('hosts that share a catalog and a bucket', (real) => {
  const hosts: Host[] = []
  afterEach(async () => {
    for (const host of hosts.splice(0)) await host.kill()
  })

  const start = async (hostId: string, catalog: string, capacityBytes = 100_000 * KiB): Promise<Host> => {
    const { minio } = real()
    const host = await startHost({
      hostId,
      catalogFile: join(real().folder, `${catalog}.sqlite`),
      root: join(real().folder, `${catalog}-${hostId}`),
      capacityBytes,
      bucket: {
        bucket: 'media',
        prefix: catalog,
        endpoint: minio.endpoint,
        region: minio.region,
        credentials: { accessKeyId: minio.accessKeyId, secretAccessKey: minio.secretAccessKey },
      },
    })
    hosts.push(host)
    return host
  }

  it('neither ever takes the copy of the other for its own', async () => {
    const [a, b] = [await start('a', 'two'), await start('b', 'two')]
    const text = `the same bytes on both hosts ${'x'.repeat(5_000)}`
    const onA = await a.ask<Kept>('put', { text })
    expect(await b.ask<Read>('read', { id: onA.id })).toMatchObject({
      code: 'MEDIA_NOT_READY',
      reason: 'other-host',
    })
    expect(await b.ask('availability', { id: onA.id })).toMatchObject({ state: 'cold' })
    const onB = await b.ask<Kept>('put', { text })
    expect(await b.ask<Read>('read', { id: onB.id })).toEqual({ tier: 'disk', digest: onB.digest })
    await b.ask('clean')
    await a.ask('clean')
    await a.ask('remove', { id: onA.id })
    await a.ask('clean')
    await b.ask('clean')
    expect(await b.ask<Read>('read', { id: onB.id })).toEqual({ tier: 'disk', digest: onB.digest })
  })

  it('both under load with one bucket: what either keeps is read back by a host that was not there', async () => {
    const [a, b] = [await start('a', 'load', 600 * KiB), await start('b', 'load', 600 * KiB)]
    const kept: Kept[] = []
    await Promise.all(
      [a, b].map(async (host) => {
        for (let n = 0; n < 60; n++) kept.push(await host.ask<Kept>('put', { sizeBytes: 20 * KiB + n }))
      }),
    )
    await Promise.all([a.ask('clean'), b.ask('clean')])
    let inBucket = 0
    for (const { id, digest } of kept) {
      const found = await Promise.all([a, b].map((host) => host.ask<Read>('read', { id })))
      expect(found.some((one) => one.digest === digest)).toBe(true)
      for (const one of found) {
        if (one.digest === undefined)
          expect(one).toMatchObject({ code: 'MEDIA_NOT_READY', reason: 'other-host' })
        else expect(one.digest).toBe(digest)
      }
      if (found.every((one) => one.digest === digest)) inBucket += 1
    }
    console.log(`${kept.length} bodies on two disks and a bucket, ${inBucket} of them within reach of both`)
    expect(inBucket).toBeGreaterThan(40)
  })

  it(`${KILLS} kills -9 in the middle of bursts and moves: every acknowledged put is read back, nothing is left over`, async () => {
    const kept: Kept[] = []
    for (let kill = 0; kill < KILLS; kill++) {
      const host = await start('only', 'kills', 400 * KiB)
      const writing = Promise.all(
        Array.from({ length: 4 }, async () => {
          for (;;) kept.push(await host.ask<Kept>('put', { sizeBytes: 15 * KiB + kept.length }))
        }),
      )
      const applying = (async () => {
        for (;;) await host.ask('apply')
      })()
      await new Promise((resolve) => setTimeout(resolve, 150 + ((kill * 137) % 700)))
      await host.kill()
      await expect(writing).rejects.toThrow('the host has ended')
      await expect(applying).rejects.toThrow('the host has ended')
    }
    const host = await start('only', 'kills', 400 * KiB)
    for (const { id, digest } of kept) expect(await host.ask<Read>('read', { id })).toMatchObject({ digest })
    // Sessions of hosts that were killed live two seconds.
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    await host.ask('clean')
    await host.ask('clean')
    const objects = await host.ask<Readonly<Record<string, number>>>('objects')
    for (const { name, volumes } of await host.ask<readonly TierStatus[]>('status'))
      for (const volume of volumes) {
        expect(volume.reservedBytes, `reserved on ${name}`).toBe(0)
        expect(objects[name], `objects on ${name}`).toBe(volume.objects)
      }
    console.log(`${kept.length} acknowledged over ${KILLS} kills`)
    expect(kept.length).toBeGreaterThan(KILLS)
    for (const { id, digest } of kept) expect(await host.ask<Read>('read', { id })).toMatchObject({ digest })
  })
})
