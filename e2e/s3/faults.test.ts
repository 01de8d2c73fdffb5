import { Readable } from 'node:stream'
import { DeleteBucketCommand, DeleteObjectCommand } from '@aws-sdk/client-s3'
import { bytesSource } from '@mediakeep/core'
import { seededBytes, streamSource } from '@mediakeep/testkit'
import { expect, test, vi } from 'vitest'
import { adapters } from './adapters.ts'
import { firstTimes, type SeenRequest, type Trouble } from './proxy.ts'
import { describeWith, startServer } from './servers.ts'
import { createStage, drain, expectFailure, expectFailures, readAll } from './stage.ts'

const server = await startServer('minio')
const stage = server === undefined ? undefined : createStage(server)
const text = (value: string) => bytesSource(Buffer.from(value))
const xmlError = (status: number, code: string, headers: Readonly<Record<string, string>> = {}): Trouble => ({
  type: 'answer',
  status,
  headers,
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`,
})
const isAbout = (key: string) => (request: SeenRequest) => request.path.includes(key)
const ANY_ABSENT = { type: 'absent' } as const

for (const [name, openStore] of Object.entries(adapters)) {
  describeWith(server)(`${name} in trouble`, () => {
    const set: NonNullable<typeof stage>['set'] = (...given) => {
      if (stage === undefined) throw new Error('no server')
      return stage.set(...given)
    }

    test('a wrong secret and an unknown key are bad-credentials in every call, never "absent"', async () => {
      const { reopen } = await set(openStore)
      for (const keys of [{ secretAccessKey: 'not-the-secret' }, { accessKeyId: 'nobody-knows' }]) {
        const store = reopen(keys)
        const calls = [store.open(), store.get('a'), store.head('a'), store.list(), store.put('a', text('x'))]
        for (const error of await expectFailures(calls, 'MEDIA_UNAVAILABLE', 'bad-credentials')) {
          expect(error.retryable).toBe(false)
          expect(error.message).not.toContain('not-the-secret')
        }
      }
    })

    test('a bucket that does not exist is volume-offline, and none is made', async () => {
      const { reopen } = await set(openStore)
      const store = reopen({ bucket: 'no-such-bucket' })
      await expectFailures(
        [store.open(), store.get('a'), store.head('a'), store.list(), store.identity()],
        'MEDIA_UNAVAILABLE',
        'volume-offline',
      )
    })

    test('a bucket deleted underneath is volume-offline in every call', async () => {
      const { store, bucket } = await set(openStore)
      await store.put('a', text('x'))
      await store.delete('a')
      await stage?.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'mediakeep-volume.json' }))
      await stage?.client.send(new DeleteBucketCommand({ Bucket: bucket }))
      const calls = [
        store.get('a'),
        store.head('a'),
        store.list(),
        store.put('a', text('x')),
        store.delete('a'),
        store.identity(),
      ]
      await expectFailures(calls, 'MEDIA_UNAVAILABLE', 'volume-offline')
    })

    test('an emptied bucket is volume-offline: no key of it is absent', async () => {
      const { store, bucket, reopen } = await set(openStore)
      await store.put('a', text('x'))
      expect(await store.head('b')).toBeUndefined()
      await stage?.client.send(new DeleteObjectCommand({ Bucket: bucket, Key: 'mediakeep-volume.json' }))
      const calls = [store.get('b'), store.head('b'), store.identity()]
      await expectFailures(calls, 'MEDIA_UNAVAILABLE', 'volume-offline')
      // With objects and no marker it is not taken over either.
      await expectFailure(reopen().open(), 'MEDIA_UNAVAILABLE', 'volume-offline')
    })

    test('403 for a key is access-denied, never "absent", also where HEAD has no body to say why', async () => {
      const { store, proxy } = await set(openStore)
      await store.open()
      proxy.trouble = (request) =>
        request.path.includes('secret') ? xmlError(403, 'AccessDenied') : undefined
      const calls = [store.get('secret'), store.head('secret')]
      for (const error of await expectFailures(calls, 'MEDIA_UNAVAILABLE', 'access-denied'))
        expect(error.retryable).toBe(false)
    })

    test('a clock that is off is clock-skew', async () => {
      const { store, proxy } = await set(openStore)
      await store.open()
      proxy.trouble = () => xmlError(403, 'RequestTimeTooSkewed')
      await expectFailures(
        [store.get('a'), store.head('a'), store.put('a', text('x')), store.list()],
        'MEDIA_UNAVAILABLE',
        'clock-skew',
      )
    })

    test('a clock that is really off by twenty minutes is clock-skew, or the client makes up for it', async () => {
      const { store } = await set(openStore)
      await store.put('a', text('x'))
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 20 * 60_000 })
      try {
        if (name === 's3Store') expect((await store.head('a'))?.sizeBytes).toBe(1)
        else await expectFailure(store.head('a'), 'MEDIA_UNAVAILABLE', 'clock-skew')
      } finally {
        vi.useRealTimers()
      }
    })

    test('SlowDown once is waited out; for ever it is MEDIA_BUSY with the time to wait', async () => {
      const { store, proxy } = await set(openStore)
      await store.put('a', text('x'))
      proxy.trouble = firstTimes(1, isAbout('objects/a'), xmlError(503, 'SlowDown'))
      expect((await store.head('a'))?.sizeBytes).toBe(1)
      proxy.trouble = firstTimes(1, isAbout('objects/a'), xmlError(503, 'SlowDown'))
      expect((await readAll(store, 'a')).toString()).toBe('x')
      proxy.trouble = firstTimes(1, isAbout('objects/a'), xmlError(503, 'SlowDown'))
      await store.put('a', streamSource(Buffer.from('y')))
      expect((await readAll(store, 'a')).toString()).toBe('y')
      proxy.trouble = () => xmlError(503, 'SlowDown', { 'retry-after': '2' })
      const error = await expectFailure(store.get('a'), 'MEDIA_BUSY', 'slow-down')
      expect(error.retryable).toBe(true)
      expect(error.retryAfterMs).toBe(2000)
    }, 60_000)

    test('a body cut at byte k is an error of the stream, never a short success', async () => {
      const { store, proxy } = await set(openStore)
      const bytes = seededBytes(1, 300_000)
      await store.put('cut', bytesSource(bytes))
      for (const atByte of [1, 65_536, 299_999]) {
        proxy.trouble = (request) =>
          request.class === 'get' && request.path.includes('objects/cut')
            ? { type: 'cut-answer', atByte }
            : undefined
        const reader = await store.get('cut')
        const error = await expectFailure(
          drain(reader?.stream() ?? Readable.from([])),
          'MEDIA_UNAVAILABLE',
          'connection-lost',
        )
        expect(error.retryable).toBe(true)
      }
      expect(store.openCount).toBe(0)
    })

    test('a put cut at byte k is sent again; cut for ever it fails and keeps nothing', async () => {
      const { store, proxy } = await set(openStore, { maxAttempts: 2 })
      const bytes = seededBytes(2, 300_000)
      await store.open()
      for (const atByte of [0, 1, 65_536, 299_999]) {
        const key = `cut-${atByte}`
        const trouble = { type: 'cut-request', atByte } as const
        proxy.trouble = firstTimes(1, isAbout(key), trouble)
        await store.put(key, streamSource(bytes))
        expect((await readAll(store, key)).equals(bytes)).toBe(true)
        proxy.trouble = (request) => (request.class === 'put' ? trouble : undefined)
        await expectFailure(
          store.put(`${key}-never`, streamSource(bytes)),
          'MEDIA_UNAVAILABLE',
          'connection-lost',
        )
        proxy.trouble = () => undefined
        expect(await store.head(`${key}-never`)).toBeUndefined()
      }
    }, 60_000)

    test('a write with a condition whose answer was lost is known again as our own', async () => {
      const { store, proxy } = await set(openStore)
      await store.open()
      proxy.trouble = firstTimes(1, isAbout('lost'), { type: 'lose-answer' })
      const head = await store.put('lost', text('ours'), { when: ANY_ABSENT, metadata: { a: '1' } })
      expect((await store.head('lost'))?.etag).toBe(head.etag)
      expect((await store.head('lost'))?.metadata).toEqual({ a: '1' })
      proxy.trouble = firstTimes(1, isAbout('lost'), { type: 'lose-answer' })
      await store.put('lost', text('ours again'), { when: { type: 'match', etag: head.etag } })
      expect((await readAll(store, 'lost')).toString()).toBe('ours again')
    })

    test('a call that is carried out twice because its answer was lost does the same as once', async () => {
      const { store, proxy } = await set(openStore)
      await store.put('twice', text('x'))
      const lost = { type: 'lose-answer' } as const
      proxy.trouble = firstTimes(1, isAbout('twice'), lost)
      await store.put('twice', text('y'))
      proxy.trouble = firstTimes(1, ({ class: kind }) => kind === 'list', lost)
      expect((await store.list()).objects.map(({ key }) => key)).toEqual(['twice'])
      proxy.trouble = firstTimes(1, isAbout('twice'), lost)
      expect((await readAll(store, 'twice')).toString()).toBe('y')
      proxy.trouble = firstTimes(1, isAbout('twice'), lost)
      await store.delete('twice')
      proxy.trouble = firstTimes(1, ({ class: kind }) => kind === 'delete', lost)
      expect(await store.deleteMany(['twice'])).toEqual([{ key: 'twice' }])
      expect(await store.head('twice')).toBeUndefined()
    })

    test('a write with a condition that lost to another is refused, also when the first refusal was lost', async () => {
      const { store, proxy } = await set(openStore)
      await store.put('taken', text('theirs'))
      proxy.trouble = firstTimes(1, isAbout('taken'), { type: 'lose-answer' })
      await expectFailure(store.put('taken', text('ours'), { when: ANY_ABSENT }), 'MEDIA_PRECONDITION')
      expect((await readAll(store, 'taken')).toString()).toBe('theirs')
    })

    test('an upload in parts whose completion was answered but not heard is whole, once', async () => {
      const { store, proxy } = await set(openStore, { partBytes: 5 * 1024 * 1024 })
      await store.open()
      const bytes = seededBytes(3, 11 * 1024 * 1024)
      proxy.trouble = firstTimes(
        1,
        (request) => request.class === 'multipart' && request.path.includes('uploadId'),
        { type: 'lose-answer' },
      )
      await store.put('parts', streamSource(bytes), { when: ANY_ABSENT })
      expect((await readAll(store, 'parts')).equals(bytes)).toBe(true)
    })

    test('an endpoint that ignores conditions is found out when the store opens', async () => {
      const { store, proxy, reopen } = await set(openStore)
      await store.open()
      for (const header of ['if-none-match', 'if-match']) {
        proxy.trouble = ({ headers }) =>
          headers[header] === undefined
            ? undefined
            : { type: 'answer', status: 200, headers: { etag: '"0123456789abcdef0123456789abcdef"' } }
        await expectFailure(reopen().open(), 'MEDIA_UNSUPPORTED', 'conditions-ignored')
      }
      proxy.seen.length = 0
      const told = reopen({ conditionalPut: 'ignored' })
      await told.open()
      expect(told.traits.conditionalPut).toBe('ignored')
      await told.put('a', text('x'), { when: ANY_ABSENT })
      for (const { headers } of proxy.seen)
        expect(headers['if-none-match'] ?? headers['if-match']).toBeUndefined()
      expect(await told.identity()).toEqual(await store.identity())
    })

    test('an endpoint that never answers is timed-out', async () => {
      const { store, proxy, reopen } = await set(openStore)
      await store.open()
      const hasty = reopen({ answerTimeoutMs: 150, maxAttempts: 1 })
      await hasty.open()
      proxy.trouble = () => ({ type: 'hang' })
      await expectFailure(hasty.get('a'), 'MEDIA_UNAVAILABLE', 'timed-out')
      await expectFailure(hasty.put('a', text('x')), 'MEDIA_UNAVAILABLE', 'timed-out')
    })

    test('a call on an endpoint that never answers ends with the reason of its signal', async () => {
      const { store, proxy } = await set(openStore)
      await store.open()
      const arrived = vi.fn<() => void>()
      proxy.trouble = () => {
        arrived()
        return { type: 'hang' }
      }
      const controller = new AbortController()
      const call = store.get('a', { signal: controller.signal })
      await vi.waitFor(() => expect(arrived).toHaveBeenCalled())
      const reason = new Error('the caller left')
      controller.abort(reason)
      await expect(call).rejects.toBe(reason)
    })

    test('a slow endpoint gives every byte', async () => {
      const { store, proxy } = await set(openStore)
      const bytes = seededBytes(4, 400_000)
      await store.put('slow', bytesSource(bytes))
      proxy.trouble = () => ({ type: 'slow', waitMs: 5 })
      expect((await readAll(store, 'slow')).equals(bytes)).toBe(true)
    })

    test('nobody at the address is unreachable', async () => {
      const { store, proxy } = await set(openStore, { maxAttempts: 1 })
      await proxy.stop()
      await expectFailures([store.open(), store.get('a'), store.list()], 'MEDIA_UNAVAILABLE', 'unreachable')
    })
  })
}
