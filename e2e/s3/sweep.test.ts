import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { createMediaStore, type GarbageProgress, memoryCatalog, memoryStore } from '@mediakeep/core'
import { expect, test } from 'vitest'
import { adapters } from './adapters.ts'
import { describeWith, startServer } from './servers.ts'
import { createStage } from './stage.ts'

// Lists uploads below a prefix, as Amazon S3 does; MinIO lists those of one name only.
const server = await startServer('versitygw')
const stage = server === undefined ? undefined : createStage(server)

describeWith(server)('uploads in parts that nobody finished', () => {
  test('are ended by upkeep when they are old and ours, told as attempts and in the ledger, and those of others stay', async () => {
    if (stage === undefined) throw new Error('no server')
    const { store: far, bucket, proxy } = await stage.set(adapters.s3Store, { prefix: 'ours', paid: true })
    const begin = async (Key: string): Promise<void> => {
      const { UploadId } = await stage.client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key }))
      await stage.client.send(
        new UploadPartCommand({ Bucket: bucket, Key, UploadId, PartNumber: 1, Body: Buffer.alloc(100) }),
      )
    }
    const pending = async (): Promise<readonly string[]> => {
      const { Uploads = [] } = await stage.client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
      return Uploads.map(({ Key = '' }) => Key).sort()
    }
    await using store = await createMediaStore({
      tiers: [
        { name: 'near', store: memoryStore() },
        { name: 'far', store: far, prices: { perRequest: { list: 0.01, abort: 0.02 } } },
      ],
      catalog: memoryCatalog(),
      upkeep: { intervalMs: 0 },
    })
    const collect = async (uploadsOlderThanMs?: number): Promise<GarbageProgress | undefined> => {
      let last: GarbageProgress | undefined
      for await (const step of store.upkeep.collectGarbage({
        thorough: true,
        ...(uploadsOlderThanMs === undefined ? {} : { uploadsOlderThanMs }),
      }))
        last = step
      return last
    }
    for (const key of ['ours/objects/a', 'ours/objects/b', 'ours-not/c', 'ours/other/d', 'e'])
      await begin(key)
    expect(await collect(), 'they are young').toMatchObject({ endedUploads: 0 })
    expect(await pending()).toHaveLength(5)
    const before = proxy.counts()['abort'] ?? 0
    expect(await collect(0)).toMatchObject({ endedUploads: 2 })
    expect(await pending()).toEqual(['e', 'ours-not/c', 'ours/other/d'])
    expect((proxy.counts()['abort'] ?? 0) - before).toBe(2)
    const { rows } = await store.tiers.costs()
    expect(rows).toContainEqual(expect.objectContaining({ class: 'abort', cause: 'gc', calls: 2 }))
  })
})
