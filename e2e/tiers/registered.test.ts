import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { s3Store } from '@mediakeep/adapters/s3'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import { bytesSource, type ObjectStore } from '@mediakeep/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts'
import {
  describeRealTiers,
  diskAt,
  inParallel,
  opaqueBytes,
  prices,
  type RealTiers,
  toEnd,
  usageOf,
} from './real-tiers.ts'

const OBJECTS = 120
const SIZE = 40_000

describeRealTiers('a registered bucket that is not ours', (real) => {
  let proxy: CountingProxy
  beforeAll(async () => {
    proxy = await startCountingProxy(real().minio)
  })
  afterAll(() => proxy.stop())

  it('import, reads, promotion, delete, gc, eviction, verify, reconcile: no PUT and no DELETE goes over the wire', async () => {
    const { minio } = real()
    const connection = {
      bucket: 'media',
      prefix: 'owner/objects',
      region: minio.region,
      credentials: { accessKeyId: minio.accessKeyId, secretAccessKey: minio.secretAccessKey },
    }
    const theirs = new Map<string, string>()
    const theirKeys: string[] = []
    await putAsOwner(real(), theirs, theirKeys)

    const store = await real().open({
      catalog: sqliteCatalog({ file: join(real().folder, 'registered.sqlite') }),
      tiers: [
        { name: 'disk', store: diskAt(join(real().folder, 'registered')), capacityBytes: 40 * SIZE },
        {
          name: 'theirs',
          role: 'external',
          store: s3Store({
            ...connection,
            name: 'theirs',
            endpoint: proxy.endpoint,
            readOnly: true,
            paid: true,
          }),
          prices,
        },
      ],
      reads: { cacheBytes: 0 },
      tiering: { burst: { holdMs: 100 } },
    })
    let last: { readonly registered: number; readonly listed: number } | undefined
    for await (const progress of store.tiers.importObjects({ tier: 'theirs' })) last = progress
    expect(last).toMatchObject({ listed: OBJECTS, registered: OBJECTS })
    for (let round = 0; round < 3; round++)
      await inParallel(OBJECTS, 4, async (index) => {
        const key = theirKeys[index] as string
        const bytes = await (await store.open({ key })).bytes({ maxBytes: 1e6 })
        expect(createHash('sha256').update(bytes).digest('hex'), key).toBe(theirs.get(key))
      })
    await toEnd(store.tiers.apply())
    const disk = await usageOf(store, 'disk')
    expect(disk.storedBytes).toBeGreaterThan(0)
    expect(disk.storedBytes).toBeLessThanOrEqual(40 * SIZE)
    for (const key of theirKeys.slice(0, 30)) await store.delete({ key })
    await toEnd(store.upkeep.collectGarbage({ graceMs: 0, thorough: true, force: true }))
    await toEnd(store.upkeep.verify({ repair: true }))
    await toEnd(store.upkeep.repair())
    await toEnd(store.tiers.reconcile({ tier: 'theirs', force: true }))
    await toEnd(store.upkeep.collectGarbage({ graceMs: 0, thorough: true, force: true }))
    await store.close()
    console.log(
      `${OBJECTS} objects that are not ours: ${JSON.stringify(Object.fromEntries(proxy.counts))} over the wire`,
    )
    for (const operation of ['put', 'post', 'part', 'multipart', 'abort', 'delete'])
      expect(proxy.count(operation), operation).toBe(0)
    expect(proxy.count('get')).toBeGreaterThanOrEqual(OBJECTS)
    await expectTheirs(real(), theirs)
  })
})

/** As their owner has them: its store keeps objects below `objects/`, which is where ours looks at them. */
async function putAsOwner(real: RealTiers, theirs: Map<string, string>, keys: string[]): Promise<void> {
  const owner: ObjectStore = real.bucket('owner')
  await owner.open?.()
  for (let n = 0; n < OBJECTS; n++) {
    const bytes = opaqueBytes(SIZE)
    const key = `albums/${n % 7}/picture ${n}.bin`
    await owner.put(key, bytesSource(bytes))
    theirs.set(key, createHash('sha256').update(bytes).digest('hex'))
    keys.push(key)
  }
  await owner.close()
}

async function expectTheirs(real: RealTiers, theirs: ReadonlyMap<string, string>): Promise<void> {
  const owner: ObjectStore = real.bucket('owner')
  await owner.open?.()
  for (const [key, digest] of theirs) {
    const hash = createHash('sha256')
    const reader = await owner.get(key)
    for await (const chunk of reader?.stream() ?? []) hash.update(chunk as Buffer)
    expect(hash.digest('hex'), key).toBe(digest)
  }
  await owner.close()
}
