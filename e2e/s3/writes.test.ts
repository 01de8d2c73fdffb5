import {
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { s3Store } from '@mediakeep/adapters/s3'
import { type ByteSource, bytesSource, digestOf, type StoreAttempt } from '@mediakeep/core'
import { failingSource, gatedSource, seededBytes, streamSource } from '@mediakeep/testkit'
import { expect, test } from 'vitest'
import { adapters } from './adapters.ts'
import type { Trouble } from './proxy.ts'
import { credentialsOf, describeWith, startServer } from './servers.ts'
import { createStage, drain, expectFailure, readAll } from './stage.ts'

const MiB = 1024 * 1024
const partBytes = 5 * MiB
const bytes = seededBytes(7, 2 * partBytes + 12_345)
const SLOW_DOWN: Trouble = { type: 'answer', status: 503, body: '<Error><Code>SlowDown</Code></Error>' }

const server = await startServer('minio')
const stage = server === undefined ? undefined : createStage(server)

for (const [name, openStore] of Object.entries(adapters)) {
  describeWith(server)(`${name}: large bodies, other people's buckets, and what is told of it`, () => {
    const set: NonNullable<typeof stage>['set'] = (...given) => {
      if (stage === undefined) throw new Error('no server')
      return stage.set(...given)
    }
    /** MinIO lists uploads of one name only. */
    const uploadsOf = async (bucket: string, key: string): Promise<number> => {
      const command = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `objects/${key}` })
      return (await stage?.client.send(command))?.Uploads?.length ?? 0
    }

    test('a body larger than a part is uploaded in parts, with content type and metadata', async () => {
      const { store, proxy } = await set(openStore, { partBytes })
      const told = await store.put('parts', streamSource(bytes), {
        contentType: 'video/mp4',
        metadata: { a: '1' },
        checksum: digestOf(bytes),
      })
      expect(proxy.counts()).toMatchObject({ multipart: 2, part: 3 })
      const head = await store.head('parts')
      expect(head).toMatchObject({ etag: told.etag, contentType: 'video/mp4', metadata: { a: '1' } })
      expect((await readAll(store, 'parts')).equals(bytes)).toBe(true)
      const reader = await store.get('parts', {
        range: { start: partBytes - 3, endExclusive: partBytes + 3 },
      })
      expect(
        (await drain(reader?.stream() ?? streamSource(bytes).open())).equals(
          bytes.subarray(partBytes - 3, partBytes + 3),
        ),
      ).toBe(true)
    })

    test('a body of exactly one part is one request', async () => {
      const { store, proxy } = await set(openStore, { partBytes })
      await store.put('one', streamSource(bytes.subarray(0, partBytes)))
      expect(proxy.counts()['part']).toBeUndefined()
      expect((await store.head('one'))?.sizeBytes).toBe(partBytes)
    })

    test('a part that fails is sent again; the others are not', async () => {
      const { store, proxy } = await set(openStore, { partBytes })
      let failed = 0
      proxy.trouble = (request) =>
        request.path.includes('partNumber=2') && failed++ === 0 ? SLOW_DOWN : undefined
      await store.put('parts', streamSource(bytes))
      expect(proxy.counts()).toMatchObject({ part: 4 })
      expect((await readAll(store, 'parts')).equals(bytes)).toBe(true)
    })

    const endings: Readonly<Record<string, () => ByteSource>> = {
      'whose source fails': () =>
        failingSource(bytes, bytes.byteLength - 1, new Error('the sender vanished')),
      'that is shorter than it declares': () => ({ ...streamSource(bytes), sizeBytes: bytes.byteLength + 1 }),
    }
    for (const [what, sourceOf] of Object.entries(endings)) {
      test(`an upload ${what} leaves neither object nor parts`, async () => {
        const { store, bucket, proxy } = await set(openStore, { partBytes })
        const source = sourceOf()
        await expect(
          store.put('gone', { sizeBytes: source.sizeBytes, open: (options) => source.open(options) }),
        ).rejects.toThrow()
        expect(proxy.counts()).toMatchObject({ abort: 1 })
        expect(await uploadsOf(bucket, 'gone')).toBe(0)
        expect(await store.head('gone')).toBeUndefined()
      })
    }

    test('an upload of other bytes than declared is refused before it is completed, and leaves nothing', async () => {
      const { store, bucket } = await set(openStore, { partBytes })
      const put = store.put('gone', streamSource(bytes), { checksum: digestOf(new Uint8Array(1)) })
      await expectFailure(put, 'MEDIA_DIGEST_MISMATCH')
      expect(await uploadsOf(bucket, 'gone')).toBe(0)
      expect(await store.head('gone')).toBeUndefined()
    })

    test('an upload whose part is refused for ever fails with the reason and leaves nothing', async () => {
      const { store, bucket, proxy } = await set(openStore, { partBytes, maxAttempts: 1 })
      proxy.trouble = (request) => (request.path.includes('partNumber=2') ? SLOW_DOWN : undefined)
      await expectFailure(store.put('gone', streamSource(bytes)), 'MEDIA_BUSY', 'slow-down')
      expect(await uploadsOf(bucket, 'gone')).toBe(0)
    })

    test('an upload that is aborted throws the reason and leaves nothing, also when the store closes', async () => {
      const { store, bucket } = await set(openStore, { partBytes })
      const controller = new AbortController()
      const reason = new Error('the caller left')
      const source = gatedSource(bytes, bytes.byteLength - 10)
      const put = store.put('gone', source, { signal: controller.signal })
      void source.reached.then(() => controller.abort(reason))
      await expect(put).rejects.toBe(reason)
      expect(await uploadsOf(bucket, 'gone')).toBe(0)
      const last = gatedSource(bytes, bytes.byteLength - 10)
      const closing = expectFailure(store.put('gone', last), 'MEDIA_CLOSED')
      await last.reached
      await store.close()
      await closing
      expect(await uploadsOf(bucket, 'gone')).toBe(0)
    })

    test('a writer of unknown length holds a few parts at most, and its abort leaves nothing', async () => {
      const { store, bucket, proxy } = await set(openStore, { partBytes, partsAtOnce: 2 })
      const writer = await store.createWriter('written')
      for (let at = 0; at < bytes.byteLength; at += 400_000)
        await writer.write(bytes.subarray(at, at + 400_000))
      expect(proxy.counts()['part']).toBeGreaterThanOrEqual(1)
      const head = await writer.commit({ when: { type: 'absent' }, checksum: digestOf(bytes) })
      expect(head.sizeBytes).toBe(bytes.byteLength)
      expect((await readAll(store, 'written')).equals(bytes)).toBe(true)

      const dropped = await store.createWriter('dropped')
      for (let at = 0; at < bytes.byteLength; at += 400_000)
        await dropped.write(bytes.subarray(at, at + 400_000))
      await dropped.abort()
      expect(await uploadsOf(bucket, 'dropped')).toBe(0)
      expect(await store.head('dropped')).toBeUndefined()
      const late = await store.createWriter('late')
      for (let at = 0; at < bytes.byteLength; at += 400_000)
        await late.write(bytes.subarray(at, at + 400_000))
      await expectFailure(late.commit({ contentType: 'video/mp4' }), 'MEDIA_UNSUPPORTED', 'late-metadata')
      expect(await uploadsOf(bucket, 'late')).toBe(0)
      expect(store.openCount).toBe(0)
    })

    test('observe() tells of exactly the requests that arrived, class by class, retries and pages and parts too', async () => {
      const { store, proxy } = await set(openStore, { partBytes })
      const told: StoreAttempt[] = []
      store.observe((attempt) => {
        told.push(attempt)
        throw new Error('what a listener throws is swallowed')
      })
      let count = 0
      // Every seventh request is refused at first.
      proxy.trouble = () => (++count % 7 === 0 ? SLOW_DOWN : undefined)
      await store.put('parts', streamSource(bytes))
      for (let index = 0; index < 12; index++) {
        await store.put(`small/${index}`, bytesSource(Buffer.alloc(1000, index)))
        await readAll(store, `small/${index}`)
        await store.head(`small/${index}`)
        await store.head(`absent/${index}`)
      }
      const unread = await store.get('parts', { context: { cause: 'promote' } })
      await unread?.[Symbol.asyncDispose]()
      for (let cursor: string | undefined, page = 0; page < 20; page++) {
        const next = await store.list(cursor === undefined ? { limit: 3 } : { limit: 3, cursor })
        cursor = next.cursor
        if (cursor === undefined) break
      }
      await store.put('small/1', bytesSource(Buffer.from('x')), { when: { type: 'absent' } }).catch(() => {})
      await store.deleteMany(['small/1', 'small/2', 'control/\u0001'])
      await store.delete('small/3', { context: { cause: 'gc' } })
      await store.identity()

      const classes: Record<string, number> = {}
      for (const { class: kind } of told) classes[kind] = (classes[kind] ?? 0) + 1
      expect(classes).toEqual(proxy.counts())
      expect(told.filter(({ status }) => status === 503).length).toBe(Math.floor(count / 7))
      const sum = (kind: string): number =>
        told
          .filter((one) => one.class === kind && one.status === 200)
          .reduce((total, one) => total + one.bytes, 0)
      expect(sum('part')).toBe(bytes.byteLength)
      expect(told.filter(({ cause }) => cause === 'gc')).toHaveLength(1)
      expect(told.some((one) => one.cause === 'promote' && one.class === 'get')).toBe(true)
      for (const { durationMs } of told) expect(durationMs).toBeGreaterThanOrEqual(0)
    }, 60_000)

    test('observe() tells of a request that nobody answered, without a status', async () => {
      const { store, proxy } = await set(openStore, { maxAttempts: 2 })
      await store.put('a', bytesSource(Buffer.from('x')))
      const told: StoreAttempt[] = []
      const stop = store.observe((attempt) => void told.push(attempt))
      proxy.trouble = () => ({ type: 'lose-answer' })
      await expectFailure(store.head('a'), 'MEDIA_UNAVAILABLE', 'connection-lost')
      expect(told.map((one) => [one.class, one.cause, one.status])).toEqual([
        ['head', 'read', undefined],
        ['head', 'read', undefined],
      ])
      stop()
      proxy.trouble = () => undefined
      await store.head('a')
      expect(told).toHaveLength(2)
    })

    test('in a bucket that is not ours nothing is ever written, and its keys are its own', async () => {
      const { bucket, reopen, proxy } = await set(openStore)
      const Key = 'their/photo.jpg'
      await stage?.client.send(
        new PutObjectCommand({ Bucket: bucket, Key, Body: 'theirs', ContentType: 'image/jpeg' }),
      )
      const store = reopen({ readOnly: true })
      expect((await readAll(store, Key)).toString()).toBe('theirs')
      expect((await store.list()).objects.map(({ key }) => key)).toEqual([Key])
      expect(await store.head('their')).toBeUndefined()
      const calls = [
        store.put('a', bytesSource(Buffer.from('x'))),
        store.delete(Key),
        store.deleteMany([Key]),
        store.createWriter('a'),
        store.setUpBucket(),
        store.sweepUploads({ olderThanMs: 0 }),
        store.presign('a', { method: 'PUT', expiresAt: new Date(Date.now() + 60_000) }),
      ]
      for (const call of calls) await expectFailure(call, 'MEDIA_UNSUPPORTED', 'read-only')
      expect(await store.identity()).toEqual(await reopen({ readOnly: true }).identity())
      expect((await store.identity()).id).not.toBe(
        (await reopen({ readOnly: true, prefix: 'their/' }).identity()).id,
      )
      expect((await store.identity()).id).not.toBe(
        (await reopen({ readOnly: true, endpoint: server?.endpoint ?? '' }).identity()).id,
      )
      expect(proxy.seen.filter(({ method }) => method !== 'GET' && method !== 'HEAD')).toEqual([])
    })

    test('every store over one volume tells the same identity, by whoever it was made', async () => {
      const { reopen } = await set(openStore)
      const stores = Array.from({ length: 4 }, () => reopen())
      await Promise.all(stores.map((store) => store.open()))
      const ids = await Promise.all(stores.map(async (store) => (await store.identity()).id))
      expect(new Set(ids).size).toBe(1)
      await expectFailure(
        reopen({ prefix: 'other', create: false }).open(),
        'MEDIA_UNAVAILABLE',
        'volume-offline',
      )
    })
  })
}

describeWith(server)('s3Store with a client of the host', () => {
  test('keeps its promises with the defaults of the SDK, which it leaves open', async () => {
    if (stage === undefined || server === undefined) throw new Error('no server')
    const { bucket, proxy } = await stage.set(adapters.s3Store)
    const client = new S3Client({
      endpoint: proxy.endpoint,
      region: server.region,
      credentials: credentialsOf(server),
      forcePathStyle: true,
    })
    const store = s3Store({ client, bucket, partBytes })
    for (const [key, body] of Object.entries({
      small: Buffer.from('small'),
      large: bytes,
      empty: Buffer.alloc(0),
    })) {
      await store.put(key, streamSource(body), { checksum: digestOf(body), when: { type: 'absent' } })
      expect((await readAll(store, key)).equals(body)).toBe(true)
    }
    const exact = { sizeBytes: 5, sha256: digestOf(Buffer.from('right')), ifAbsent: true }
    const expiresAt = new Date(Date.now() + 60_000)
    const signed = await store.presign('signed', { method: 'PUT', expiresAt, exact })
    expect(signed.url.search).not.toMatch(/crc32/i)
    const send = async (body: string): Promise<number> => {
      const headers = Object.entries(signed.headers).filter(([name]) => name !== 'content-length')
      return (await fetch(signed.url, { method: 'PUT', headers, body })).status
    }
    expect(await send('wrong')).toBe(400)
    expect(await send('right')).toBe(200)
    expect((await readAll(store, 'signed')).toString()).toBe('right')
    expect(await store.deleteMany(['small', 'large', 'empty', 'signed'])).toHaveLength(4)
    expect((await store.list()).objects).toEqual([])
    const theirs = s3Store({ client, bucket, readOnly: true })
    const same = s3Store({
      endpoint: proxy.endpoint,
      credentials: credentialsOf(server),
      bucket,
      readOnly: true,
    })
    expect(await theirs.identity()).toEqual(await same.identity())
    for (const opened of [store, theirs, same]) await opened.close()
    expect((await client.send(new ListBucketsCommand({}))).Buckets?.length).toBeGreaterThan(0)
    client.destroy()
  })
})
