import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  bytesSource,
  MediaError,
  type MemoryStore,
  memoryStore,
  type ObjectHead,
  type ObjectStore,
  withRetry,
} from '@mediakeep/core'
import { seededBytes, waitUntil, withFaults } from '@mediakeep/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { continueOnRead } from '../continue-on-read.ts'
import { openAccess } from '../router/access.ts'
import { serve, type Wire, writable } from '../wire.fixture.ts'
import { type ObjectRouterOptions, objectRouter } from './object-router.ts'

let store: MemoryStore
let wire: Wire | undefined
const failures: unknown[] = []

async function start(options: Partial<ObjectRouterOptions> = {}, inner: ObjectStore = store): Promise<Wire> {
  wire = await serve(
    objectRouter({
      buckets: { photos: inner },
      access: openAccess(),
      basePath: '/objects',
      onError: (error) => failures.push(error),
      ...options,
    }),
  )
  continueOnRead(wire.server)
  return wire
}

beforeEach(() => {
  store = memoryStore()
  failures.length = 0
})
afterEach(async () => {
  await wire?.close()
  wire = undefined
  await store.close()
})

/** The store with etags as those of media are: then several ranges come in parts. */
function digestTagged(inner: ObjectStore): ObjectStore {
  const tagged = (head: ObjectHead): ObjectHead => ({
    ...head,
    etag: `sha256-${createHash('sha256').update(head.etag).digest('base64url')}`,
  })
  return {
    ...inner,
    async head(key, call) {
      const head = await inner.head(key, call)
      return head === undefined ? undefined : tagged(head)
    },
    async get(key, options) {
      const reader = await inner.get(key, options)
      return reader === undefined
        ? undefined
        : {
            head: tagged(reader.head),
            range: reader.range,
            stream: () => reader.stream(),
            [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
          }
    },
  }
}

const digestOf = (bytes: Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

describe('objectRouter()', () => {
  it('puts, gives, tells and deletes an object', async () => {
    const { ask } = await start()
    const bytes = Buffer.from(seededBytes(1, 100_000))
    const put = await ask('/objects/photos/a/b.png', {
      method: 'PUT',
      headers: { 'content-type': 'image/png', 'x-object-meta-owner': 'caf%C3%A9' },
      body: bytes,
    })
    expect(put.status).toBe(200)
    expect(put.json).toMatchObject({
      key: 'a/b.png',
      sizeBytes: 100_000,
      contentType: 'image/png',
      metadata: { owner: 'caf\u00e9' },
    })
    expect(put.headers.etag).toBe(`"${String(put.json['etag'])}"`)
    const got = await ask('/objects/photos/a/b.png')
    expect([got.status, got.body.equals(bytes), got.headers.etag]).toEqual([200, true, put.headers.etag])
    expect(got.headers).toMatchObject({
      'content-type': 'image/png',
      'x-content-type-options': 'nosniff',
      'x-object-meta-owner': 'caf%C3%A9',
    })
    const head = await ask('/objects/photos/a/b.png', { method: 'HEAD' })
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '100000', 0])
    for (let again = 0; again < 2; again++) {
      const gone = await ask('/objects/photos/a/b.png', { method: 'DELETE' })
      expect([gone.status, gone.body.length]).toEqual([204, 0])
    }
    const absent = await ask('/objects/photos/a/b.png')
    expect([absent.status, absent.headers['x-object-status'], absent.json['code']]).toEqual([
      404,
      'absent',
      'MEDIA_ABSENT',
    ])
  })

  it('says "absent" of objects only, not of what it does not serve', async () => {
    const { ask } = await start()
    for (const path of [
      '/objects/other/a',
      '/objects/other',
      '/objects',
      '/objects/',
      '/elsewhere',
      '/objects/__proto__/a',
    ]) {
      const answer = await ask(path)
      expect([path, answer.status, answer.headers['x-object-status']]).toEqual([path, 404, undefined])
    }
    expect((await ask('/objects/photos/a', { method: 'HEAD' })).headers['x-object-status']).toBe('absent')
  })

  it('gives ranges, conditions and several parts as RFC 9110 says', async () => {
    const tagged = digestTagged(store)
    const { ask } = await start({}, tagged)
    await store.put('a', bytesSource(Buffer.from('0123456789')))
    const etag = (await tagged.head('a'))?.etag ?? ''
    const range = (value: string) => ask('/objects/photos/a', { headers: { range: value } })
    expect([(await range('bytes=2-4')).status, (await range('bytes=2-4')).body.toString()]).toEqual([
      206,
      '234',
    ])
    expect((await range('bytes=-1')).body.toString()).toBe('9')
    expect((await range('bytes=10-')).headers['content-range']).toBe('bytes */10')
    const parts = await range('bytes=0-1,8-9')
    expect(parts.headers['content-type']).toContain('multipart/byteranges')
    expect(parts.body.toString()).toMatch(/\r\n\r\n01\r\n[^]*\r\n\r\n89\r\n/)
    const ifNone = await ask('/objects/photos/a', { headers: { 'if-none-match': `"${etag}"` } })
    expect([ifNone.status, ifNone.body.length]).toEqual([304, 0])
    expect((await ask('/objects/photos/a', { headers: { 'if-match': '"other"' } })).status).toBe(412)
    expect(store.openCount).toBe(0)
  })

  it('never mixes two objects when one is replaced between the look and the read', async () => {
    let replaced = 0
    const racing = {
      ...store,
      async head(...args: Parameters<ObjectStore['head']>) {
        const head = await store.head(...args)
        if (replaced++ < 2) await store.put('a', bytesSource(Buffer.from(`replaced ${replaced} times`)))
        return head
      },
    }
    const tagged = digestTagged(racing)
    const { ask } = await start({}, tagged)
    await store.put('a', bytesSource(Buffer.from('the first')))
    for (const range of ['bytes=0-3', 'bytes=0-1,5-6']) {
      replaced = 0
      const answer = await ask('/objects/photos/a', { headers: { range } })
      expect(answer.status).toBe(206)
      replaced = 1_000
      expect(answer.headers.etag).toBe(`"${(await tagged.head('a'))?.etag ?? ''}"`)
    }
    replaced = -1_000
    const busy = await ask('/objects/photos/a', { headers: { range: 'bytes=0-3' } })
    expect([busy.status, busy.json['reason']]).toEqual([503, 'replaced'])
    expect(store.openCount).toBe(0)
  })

  it('puts on a condition: created once, replaced only when unchanged', async () => {
    const { ask } = await start()
    const put = (headers: Record<string, string>, body = 'x') =>
      ask('/objects/photos/a', { method: 'PUT', headers, body })
    const first = await put({ 'if-none-match': '*' })
    expect([first.status, (await put({ 'if-none-match': '*' })).status]).toEqual([200, 412])
    const etag = first.headers.etag ?? ''
    expect((await put({ 'if-match': etag })).status).toBe(200)
    expect((await put({ 'if-match': etag })).status).toBe(412)
    expect((await put({ 'if-match': 'W/"a"' })).status).toBe(412)
    for (const headers of [
      { 'if-match': '*' },
      { 'if-match': '"a", "b"' },
      { 'if-none-match': '"a"' },
      { 'if-match': 'a' },
    ])
      expect((await put(headers)).json['reason']).toBe('bad-condition')
  })

  it('refuses a condition where the store would ignore it', async () => {
    const { ask } = await start({}, { ...store, traits: { ...store.traits, conditionalPut: 'ignored' } })
    const answer = await ask('/objects/photos/a', {
      method: 'PUT',
      headers: { 'if-none-match': '*' },
      body: 'x',
    })
    expect([answer.status, answer.json['reason']]).toEqual([501, 'condition-not-enforced'])
    expect(await store.head('a')).toBeUndefined()
  })

  it('checks the digests a sender declares, of small bodies and of large ones', async () => {
    const { ask } = await start()
    for (const sizeBytes of [10, 1_000_000]) {
      const bytes = Buffer.from(seededBytes(2, sizeBytes))
      for (const field of ['content-digest', 'repr-digest']) {
        const put = (digest: string) =>
          ask('/objects/photos/a', { method: 'PUT', headers: { [field]: digest }, body: bytes })
        expect((await put(digestOf(bytes))).status).toBe(200)
        await store.delete('a')
        const wrong = await put(digestOf(Buffer.from('other')))
        expect([wrong.status, wrong.json['code']]).toEqual([400, 'MEDIA_DIGEST_MISMATCH'])
        expect(await store.head('a')).toBeUndefined()
      }
    }
  })

  it('keeps nothing of a body that ends too soon', async () => {
    const { socket } = await start()
    for (const sizeBytes of [1_000, 1_000_000]) {
      const sent = await socket()
      sent.write(`PUT /objects/photos/short HTTP/1.1\r\nHost: x\r\nContent-Length: ${sizeBytes}\r\n\r\n`)
      sent.write(Buffer.alloc(sizeBytes - 1))
      await waitUntil(() => sent.writableLength === 0)
      sent.end()
      await once(sent.resume(), 'close')
    }
    expect(await waitUntil(() => store.volume.usedBytes === 0)).toBe(true)
    expect((await store.list()).objects).toEqual([])
  })

  it('asks for the length of a body, and for no more than the store takes', async () => {
    const { raw, ask } = await start({}, memoryStore({ maxBytes: 1_000 }))
    const chunked = await raw(
      'PUT /objects/photos/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    )
    expect(chunked).toMatch(/^HTTP\/1.1 411 [^]*"reason":"length-required"/)
    const large = await raw(
      'PUT /objects/photos/a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n',
    )
    expect(large).toMatch(/^HTTP\/1.1 413 /) // before a byte of it was asked for
    expect(
      (await ask('/objects/photos/a', { method: 'PUT', headers: { 'content-encoding': 'gzip' }, body: 'x' }))
        .status,
    ).toBe(415)
  })

  it('resolves nothing in a path: one key has one spelling, and no spelling reaches another key', async () => {
    const { raw, ask } = await start()
    await store.put('a', bytesSource(Buffer.from('secret')))
    for (const path of [
      'b/../a',
      'b/%2e%2e/a',
      './a',
      '%2e/a',
      '/a',
      'a/',
      'b//a',
      'b%2fa',
      'b%2Fa',
      '..%2fa',
      'a%',
      '%ff',
      '%00',
    ]) {
      const answer = await raw(`GET /objects/photos/${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      expect([path, answer.slice(9, 12)]).toEqual([path, '400'])
    }
    expect((await ask('/objects/photos/%61')).body.toString()).toBe('secret')
    for (const key of [
      'b/../a',
      '..',
      '.',
      '/a',
      'a/',
      'b//a',
      'a%2fb',
      'a+b c',
      '?key=x',
      '&',
      'caf\u00e9',
    ]) {
      const path = `/objects/photos?key=${encodeURIComponent(key)}`
      expect((await ask(path, { method: 'PUT', body: key })).json['key']).toBe(key)
      expect((await ask(path)).body.toString()).toBe(key)
      expect((await store.head(key))?.sizeBytes).toBe(Buffer.byteLength(key))
    }
    expect((await ask('/objects/photos?key=a&key=b')).status).toBe(400)
    expect((await ask('/objects/photos?key=')).status).toBe(400)
  })

  it('lists by prefix in pages, and refuses what it does not know', async () => {
    const { ask } = await start()
    for (const key of ['a/1', 'a/2', 'a/3', 'b/1']) await store.put(key, bytesSource(Buffer.from(key)))
    const first = await ask('/objects/photos?prefix=a%2F&limit=2')
    const keysOf = (answer: typeof first) =>
      (answer.json['objects'] as { key: string }[]).map(({ key }) => key)
    expect(keysOf(first)).toEqual(['a/1', 'a/2'])
    const next = await ask(
      `/objects/photos?prefix=a%2F&limit=2&after=${encodeURIComponent(String(first.json['after']))}`,
    )
    expect([keysOf(next), next.json['after']]).toEqual([['a/3'], undefined])
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'after=x', 'other=1'])
      expect([query, (await ask(`/objects/photos?${query}`)).status]).toEqual([query, 400])
  })

  it('deletes many and answers each', async () => {
    const { ask } = await start()
    await store.put('a', bytesSource(Buffer.from('x')))
    const post = (body: string, type = 'application/json') =>
      ask('/objects/photos?delete', { method: 'POST', headers: { 'content-type': type }, body })
    const answer = await post(JSON.stringify({ keys: ['a', 'absent', ''] }))
    expect([answer.status, answer.json['results']]).toEqual([
      200,
      [{ key: 'a' }, { key: 'absent' }, { key: '', error: { code: 'MEDIA_BAD_INPUT', reason: 'bad-key' } }],
    ])
    expect(await store.head('a')).toBeUndefined()
    expect((await post('{"keys":["a"],"other":1}')).json['reason']).toBe('unknown-field')
    expect((await post('{"keys":"a"}')).status).toBe(400)
    expect((await post('{}', 'text/plain')).status).toBe(415)
    expect((await ask('/objects/photos?warm', { method: 'POST' })).status).toBe(405)
  })

  it('requires access, keeps to the rule of a bucket, and asks who may', async () => {
    expect(() => objectRouter({ buckets: {} } as unknown as ObjectRouterOptions)).toThrow(
      'access is required',
    )
    expect(() => objectRouter({ buckets: { '../x': store }, access: openAccess() })).toThrow(
      'no name of a bucket',
    )
    const asked: unknown[] = []
    const { ask } = await start({
      buckets: { ro: { store, allow: 'read' }, wo: { store, allow: 'write' }, all: store },
      access: {
        authenticate: ({ headers }) =>
          headers.authorization === undefined ? undefined : { id: headers.authorization },
        authorize(input) {
          asked.push([input.principal?.id, input.action, input.bucket, input.key])
          return input.principal?.id === 'me'
        },
      },
    })
    const me = { authorization: 'me' }
    const status = async (method: string, path: string, headers: Record<string, string> = me) =>
      (await ask(`/objects/${path}`, { method, headers, ...(method === 'PUT' ? { body: 'x' } : {}) })).status
    expect([await status('PUT', 'ro/a'), await status('DELETE', 'ro/a'), await status('GET', 'ro')]).toEqual([
      403, 403, 200,
    ])
    expect([await status('PUT', 'wo/a'), await status('GET', 'wo/a'), await status('GET', 'wo')]).toEqual([
      200, 403, 403,
    ])
    expect([
      await status('GET', 'all/a'),
      await status('GET', 'all/a', { authorization: 'you' }),
      await status('GET', 'all/a', {}),
    ]).toEqual([200, 403, 401])
    expect(asked.slice(-3)).toEqual([
      ['me', 'read', 'all', 'a'],
      ['you', 'read', 'all', 'a'],
      [undefined, 'read', 'all', 'a'],
    ])
    expect(await status('PATCH', 'all/a')).toBe(405)
  })

  it('takes a body no faster than the store, and gives one no faster than its reader', async () => {
    let release = (): void => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    const { socket, ask } = await start(
      {},
      withFaults(store, [{ member: 'put', effect: { type: 'hold', at: 'before', until } }]).store,
    )
    const sizeBytes = 64 * 1024 * 1024
    const sent = await socket()
    sent.write(
      `PUT /objects/photos/big HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${sizeBytes}\r\n\r\n`,
    )
    const chunk = Buffer.alloc(1024 * 1024)
    let sentBytes = 0
    const sendMore = async (): Promise<void> => {
      for (; sentBytes < sizeBytes; sentBytes += chunk.length) if (!sent.write(chunk)) await writable(sent)
    }
    const sending = sendMore()
    // Nothing is read while the store does not: only the buffers of two sockets fill.
    expect(await waitUntil(() => sentBytes >= sizeBytes, 500)).toBe(false)
    release()
    await sending
    await once(sent.resume(), 'close')
    expect((await store.head('big'))?.sizeBytes).toBe(sizeBytes)
    const reader = await socket()
    reader.write('GET /objects/photos/big HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(reader, 'data')
    reader.pause()
    expect(await waitUntil(() => store.openCount === 1)).toBe(true)
    reader.destroy()
    expect(await waitUntil(() => store.openCount === 0)).toBe(true)
    expect((await ask('/objects/photos/big', { method: 'HEAD' })).status).toBe(200)
  })

  it('tells the host of failures, and the asker no more than that there was one', async () => {
    const secret = new MediaError('MEDIA_UNAVAILABLE', 'bucket s3://secret is gone', {
      reason: 'no-bucket',
      retryAfterMs: 3_000,
    })
    const { ask } = await start(
      {},
      withFaults(store, [
        { member: 'head', times: 'forever', effect: { type: 'fail', at: 'before', error: secret } },
      ]).store,
    )
    const answer = await ask('/objects/photos/a', { method: 'HEAD' })
    expect([answer.status, answer.headers['retry-after'], answer.headers['x-object-status']]).toEqual([
      503,
      '3',
      undefined,
    ])
    expect(failures).toEqual([secret])
  })

  it('breaks the connection when the bytes break off, so that no reader takes a part for the whole', async () => {
    await store.put('a', bytesSource(seededBytes(3, 1_000_000)))
    const cut = new MediaError('MEDIA_UNAVAILABLE', 'cut off')
    const { ask } = await start(
      {},
      withFaults(store, [
        { member: 'get', times: 'forever', effect: { type: 'cut', atByte: 500_000, error: cut } },
      ]).store,
    )
    await expect(ask('/objects/photos/a')).rejects.toThrow()
    expect(failures).toEqual([cut])
    expect(await waitUntil(() => store.openCount === 0)).toBe(true)
  })

  it('tells a store that reads a large body twice that it came once, and keeps nothing', async () => {
    const failing = withFaults(store, (member, call) =>
      member === 'put'
        ? { type: 'cut', atByte: 300_000, error: new MediaError('MEDIA_BUSY', `attempt ${call}`) }
        : undefined,
    )
    const { ask } = await start({}, withRetry(failing.store, { baseDelayMs: 1 }))
    const put = (sizeBytes: number) =>
      ask('/objects/photos/a', { method: 'PUT', body: Buffer.alloc(sizeBytes) })
    const large = await put(1_000_000)
    expect([large.status, large.json['reason'], failing.calls('put')]).toEqual([503, 'body-spent', 2])
    expect((await put(200_000)).status).toBe(200) // held in memory, so that it can be read again
    expect(store.volume.usedBytes).toBe(200_000)
  })

  it('answers a failure before the first byte as what it is', async () => {
    await store.put('a', bytesSource(seededBytes(3, 1_000_000)))
    const error = new MediaError('MEDIA_CORRUPT', 'damaged')
    const { ask } = await start(
      {},
      withFaults(store, [{ member: 'get', effect: { type: 'cut', atByte: 0, error } }]).store,
    )
    const answer = await ask('/objects/photos/a')
    expect([answer.status, answer.json['code'], answer.headers['x-object-modified-at']]).toEqual([
      500,
      'MEDIA_CORRUPT',
      undefined,
    ])
  })
})
