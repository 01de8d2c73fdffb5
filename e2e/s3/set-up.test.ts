import {
  GetBucketLifecycleConfigurationCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketPolicyCommand,
} from '@aws-sdk/client-s3'
import { type MinioStore, minioStore } from '@mediakeep/adapters/minio'
import { bytesSource } from '@mediakeep/core'
import { expect, test } from 'vitest'
import { adapters } from './adapters.ts'
import { describeWith, startServer } from './servers.ts'
import { createStage, expectFailure, readAll } from './stage.ts'

const server = await startServer('minio')
const stage = server === undefined ? undefined : createStage(server)
const running = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('no server')
  return value
}
const EMPTY_STREAM = { type: 'answer', status: 200, body: '\n' } as const
const settings = (differences: readonly { readonly setting: string }[]): readonly string[] =>
  differences.map(({ setting }) => setting)

for (const [name, openStore] of Object.entries(adapters)) {
  describeWith(server)(`${name}.setUpBucket() on minio`, () => {
    test('makes the bucket and its settings, and changes nothing the second time', async () => {
      const { reopen, proxy, bucket } = await running(stage).set(openStore)
      const store = reopen({ bucket: `${bucket}-new` })
      const wanted = {
        versioning: 'enabled',
        temporary: { prefix: 'incoming/', expireAfterDays: 2 },
      } as const
      expect(settings(await store.diffBucket(wanted))).toEqual(['bucket'])
      expect(settings(await store.setUpBucket({ ...wanted, create: false }))).toEqual(['bucket'])
      // This server ends stale uploads by itself and has no rule for it.
      const left = await store.setUpBucket(wanted)
      expect(left).toEqual([
        { setting: 'abort-uploads', is: 'no rule', wanted: 'after 7 days', unsupported: true },
      ])
      expect(settings(await store.diffBucket({ ...wanted, abortUploadsAfterDays: 0 }))).toEqual([])
      proxy.seen.length = 0
      expect(await store.setUpBucket({ ...wanted, abortUploadsAfterDays: 0 })).toEqual([])
      expect(proxy.seen.filter(({ method }) => method === 'PUT' || method === 'DELETE')).toEqual([])
      await store.put('a', bytesSource(Buffer.from('x')))
      expect((await readAll(store, 'a')).toString()).toBe('x')
    })

    test('takes a policy away that lets everybody in, and says so before', async () => {
      const { store, bucket } = await running(stage).set(openStore)
      const Policy = JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { AWS: ['*'] },
            Action: ['s3:GetObject'],
            Resource: [`arn:aws:s3:::${bucket}/*`],
          },
        ],
      })
      await running(stage).client.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy }))
      const wanted = { abortUploadsAfterDays: 0 }
      expect(settings(await store.diffBucket(wanted))).toEqual(['private'])
      expect(await store.setUpBucket(wanted)).toEqual([])
      expect(await store.diffBucket(wanted)).toEqual([])
    })

    test('leaves rules of others as they are, and brings its own up to date', async () => {
      const { store, bucket } = await running(stage).set(openStore)
      const theirs = {
        ID: 'theirs',
        Status: 'Enabled',
        Filter: { Prefix: 'logs/' },
        Expiration: { Days: 3 },
      } as const
      await running(stage).client.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket: bucket,
          LifecycleConfiguration: { Rules: [theirs] },
        }),
      )
      for (const expireAfterDays of [2, 5]) {
        const wanted = { abortUploadsAfterDays: 0, temporary: { prefix: 'incoming/', expireAfterDays } }
        expect(settings(await store.diffBucket(wanted))).toEqual(['temporary'])
        expect(await store.setUpBucket(wanted)).toEqual([])
      }
      const { Rules = [] } = await running(stage).client.send(
        new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }),
      )
      expect(Object.fromEntries(Rules.map(({ ID, Expiration }) => [ID, Expiration?.Days]))).toEqual({
        'mediakeep-temporary': 5,
        theirs: 3,
      })
    })
  })
}

describeWith(server)('minioStore, what S3 clients lack', () => {
  const open = async () => {
    const staged = await running(stage).set(adapters.minioStore)
    const { accessKeyId, secretAccessKey } = running(server)
    const reopen = (options: { readonly bucket?: string } = {}): MinioStore =>
      minioStore({
        endpoint: staged.proxy.endpoint,
        accessKey: accessKeyId,
        secretKey: secretAccessKey,
        bucket: staged.bucket,
        ...options,
      })
    const store = reopen()
    await store.open()
    return { store, proxy: staged.proxy, reopen }
  }

  test('listen() hints at what comes and goes, by whomever, and ends with its signal', async () => {
    const { store } = await open()
    const controller = new AbortController()
    const hints = store.listen({ prefix: 'in/', signal: controller.signal })[Symbol.asyncIterator]()
    expect((await hints.next()).value).toEqual({ type: 'all' })
    await store.put('out/no', bytesSource(Buffer.from('x')))
    const key = (index: number): string => `in/caf\u00e9 +%41 ${index}`
    // Builds since October 2025 keep events back until there are a few kilobytes of them.
    const count = 20
    for (let index = 0; index < count; index++) {
      await store.put(key(index), bytesSource(Buffer.from('x')))
      await store.delete(key(index))
    }
    for (let index = 0; index < 2; index++) {
      expect((await hints.next()).value).toEqual({ type: 'created', key: key(index) })
      expect((await hints.next()).value).toEqual({ type: 'removed', key: key(index) })
    }
    const reason = new Error('enough')
    controller.abort(reason)
    const rest = async (): Promise<void> => {
      while ((await hints.next()).done !== true);
    }
    await expect(rest()).rejects.toBe(reason)
  }, 30_000)

  test('listen() begins again with "all" when its connection breaks', async () => {
    const { store, proxy } = await open()
    let connections = 0
    proxy.trouble = ({ path }) => (path.includes('events=') && connections++ === 0 ? EMPTY_STREAM : undefined)
    const hints = store.listen()[Symbol.asyncIterator]()
    expect((await hints.next()).value).toEqual({ type: 'all' })
    expect((await hints.next()).value).toEqual({ type: 'all' })
    expect(connections).toBe(2)
    await hints.return?.()
  }, 30_000)

  test('listen() on a bucket that is gone, or where it may not, throws', async () => {
    const { proxy, reopen } = await open()
    const none = reopen({ bucket: 'no-such-bucket' })
    await expectFailure(none.listen()[Symbol.asyncIterator]().next(), 'MEDIA_UNAVAILABLE', 'volume-offline')
    proxy.trouble = () => ({ type: 'answer', status: 403, body: '<Error><Code>AccessDenied</Code></Error>' })
    const refused = reopen().listen()[Symbol.asyncIterator]().next()
    await expectFailure(refused, 'MEDIA_UNAVAILABLE', 'access-denied')
  })

  test('signForm() lets a browser send one object of that type and size, and no other', async () => {
    const { store } = await open()
    const options = { expiresAt: new Date(Date.now() + 60_000), maxBytes: 10, contentType: 'image/' }
    const form = await store.signForm('from browser/a.png', options)
    const post = async (bytes: string, type: string): Promise<number> => {
      const body = new FormData()
      for (const [field, value] of Object.entries({ ...form.fields, 'Content-Type': type }))
        body.append(field, value)
      body.append('file', new Blob([bytes]), 'a.png')
      return (await fetch(form.url, { method: 'POST', body })).status
    }
    expect(await post('far too many bytes', 'image/png')).toBe(400)
    expect(await post('right', 'text/html')).toBe(403)
    expect(await post('right', 'image/png')).toBe(204)
    expect((await readAll(store, 'from browser/a.png')).toString()).toBe('right')
    await expectFailure(store.signForm('a', { ...options, maxBytes: -1 }), 'MEDIA_BAD_INPUT', 'not-signable')
    await store.close()
    await expectFailure(store.signForm('a', options), 'MEDIA_CLOSED')
  })
})
