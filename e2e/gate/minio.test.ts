import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { s3Store } from '@mediakeep/adapters/s3'
import type { Media } from '@mediakeep/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { missingEnvoyReason } from '../../scripts/envoy.mjs'
import { missingServer } from '../../scripts/lib/object-servers.mjs'
import { describeUnless } from '../describe-unless.ts'
import { type BucketStage, startBucketStage } from './bucket-stage.ts'
import { type Answer, type AskOptions, askHttp1 } from './client.ts'
import { changed } from './config.ts'

const absent = missingEnvoyReason() ?? missingServer('minio')
const BYTES = randomBytes(300_000)
/** A real PNG of one point, with a private chunk that no reader looks at. */
const PNG = withChunk(
  Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  ),
  BYTES,
)

function withChunk(png: Buffer, bytes: Buffer): Buffer {
  const chunk = Buffer.concat([Buffer.from('raNd', 'latin1'), bytes])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(bytes.length)
  sum.writeUInt32BE(crc32(chunk))
  const end = png.length - 12
  return Buffer.concat([png.subarray(0, end), length, chunk, sum, png.subarray(end)])
}

/** What the bucket, the proxy, or the moment adds, and what only one of two ways can say. */
const INCIDENTAL = [
  'date',
  'server',
  'connection',
  'keep-alive',
  'x-request-id',
  'x-envoy-upstream-service-time',
  'x-media-state',
  'vary',
  'age',
  'transfer-encoding',
  'strict-transport-security',
]
const telling = ({ status, headers }: Answer): unknown => ({
  status,
  headers: Object.fromEntries(
    Object.entries(headers).filter(
      // The app's own problems name the request; those of the gate are the same for all.
      ([name]) => !INCIDENTAL.includes(name) && (status < 400 || name !== 'content-length'),
    ),
  ),
})
/** Nothing of the bucket: no page of its, no name, no header. */
function expectNothingOfTheBucket({ raw }: Answer): void {
  const [head = ''] = raw.split('\r\n\r\n')
  expect(head).not.toMatch(/x-amz-|x-minio|some\/where/i)
  if (raw.length < 10_000)
    expect(raw).not.toMatch(/<Error>|BucketName|NoSuchKey|SignatureDoesNotMatch|AccessDenied/)
}

describeUnless(absent, 'media in a private bucket behind Envoy', () => {
  let stage: BucketStage
  let image: Media
  let table: Media
  beforeAll(async () => {
    stage = await startBucketStage()
    const { store } = stage
    image = await store.put(PNG, {
      filename: 'straße "1".png',
      at: { key: 'a b/ü.png' },
      visibility: 'public',
    })
    table = await store.put(Buffer.from('a,b\n1,2\n'), {
      filename: 'a.csv',
      contentType: 'text/csv',
      visibility: 'public',
    })
  })
  afterAll(() => stage.close())
  const ask = (target: string, options?: AskOptions): Promise<Answer> => askHttp1(stage.port, target, options)
  const askApp = (target: string, options?: AskOptions): Promise<Answer> =>
    askHttp1(stage.appPort, target, options)

  const KEY = '/media/k/a%20b/%C3%BC.png'
  const etagOf = async (): Promise<string> => (await askApp(KEY, { method: 'HEAD' })).headers['etag'] ?? ''

  const ROWS: readonly (readonly [
    title: string,
    headers: (etag: string, date: string) => readonly string[],
  ])[] = [
    ['the whole', () => []],
    ['the first byte', () => ['range: bytes=0-0']],
    ['a middle', () => ['range: bytes=1000-1999']],
    ['an open end', () => ['range: bytes=299000-']],
    ['the last bytes', () => ['range: bytes=-100']],
    ['a suffix longer than all', () => ['range: bytes=-99999999']],
    ['an end beyond the end', () => ['range: bytes=0-99999999']],
    ['a range beyond the end', () => ['range: bytes=99999999-']],
    ['a range that is none', () => ['range: bytes=5-1']],
    ['another unit', () => ['range: lines=1-2']],
    ['If-None-Match with the tag', (etag) => [`if-none-match: ${etag}`]],
    ['If-None-Match with the weak tag', (etag) => [`if-none-match: W/${etag}`]],
    ['If-None-Match with a list', (etag) => [`if-none-match: "x", ${etag}`]],
    ['If-None-Match *', () => ['if-none-match: *']],
    ['If-None-Match with another tag', () => ['if-none-match: "x"']],
    ['If-Match with the tag', (etag) => [`if-match: ${etag}`]],
    ['If-Match with another tag', () => ['if-match: "x"']],
    ['If-Match *', () => ['if-match: *']],
    ['If-Match before If-None-Match', (etag) => ['if-match: "x"', `if-none-match: ${etag}`]],
    ['If-Modified-Since with the date', (_, date) => [`if-modified-since: ${date}`]],
    ['If-Modified-Since long ago', () => ['if-modified-since: Mon, 01 Jan 2024 00:00:00 GMT']],
    ['If-Unmodified-Since long ago', () => ['if-unmodified-since: Mon, 01 Jan 2024 00:00:00 GMT']],
    ['If-Range with the tag', (etag) => ['range: bytes=0-9', `if-range: ${etag}`]],
    ['If-Range with another tag', () => ['range: bytes=0-9', 'if-range: "x"']],
    ['If-Range with the weak tag', (etag) => ['range: bytes=0-9', `if-range: W/${etag}`]],
    ['If-Range with an old date', () => ['range: bytes=0-9', 'if-range: Mon, 01 Jan 2024 00:00:00 GMT']],
    ['If-Range with the date', (_, date) => ['range: bytes=0-9', `if-range: ${date}`]],
  ]

  describe.each(['GET', 'HEAD'])('%s', (method) => {
    it.each(ROWS)(
      'answers %s with the status, headers and bytes of the content route',
      async (_, headersOf) => {
        const { etag = '', 'last-modified': date = '' } = (await askApp(KEY, { method: 'HEAD' })).headers
        const options = { method, headers: headersOf(etag, date) }
        const [through, direct] = [await ask(KEY, options), await askApp(KEY, options)]

        expect(telling(through)).toEqual(telling(direct))
        expect(through.body === direct.body || through.status >= 400).toBe(true)
        expectNothingOfTheBucket(through)
      },
    )
  })

  it('answers several ranges with the whole, which the content route sends as parts', async () => {
    const through = await ask(KEY, { headers: ['range: bytes=0-9,20-29'] })
    expect(through.status).toBe(200)
    expect(Buffer.from(through.body, 'latin1').equals(PNG)).toBe(true)
  })

  it.each(['', '/download'])('answers by id as the content route does: %s', async (what) => {
    const target = `/media/${image.id}${what === '' ? '/content' : what}`
    expect(telling(await ask(target))).toEqual(telling(await askApp(target)))
  })

  it('goes to the app for what lies in a tier without an address for proxies', async () => {
    const target = `/media/${table.id}/content`
    const through = await ask(target, { headers: ['range: bytes=0-2'] })
    expect(telling(through)).toEqual(telling(await askApp(target, { headers: ['range: bytes=0-2'] })))
    expect(through.body).toBe('a,b')
  })

  it.each([
    'x-amz-meta-a: b',
    'x-amz-security-token: x',
    'x-amz-date: 20200101T000000Z',
    'x-amz-content-sha256: x',
    'x-amz-server-side-encryption-customer-key: x',
    'authorization: Bearer x',
    'cookie: a=b',
    'x-media-origin: app',
    'x-media-origin: cache',
    'x-minio-extract: true',
    'transfer-encoding: chunked\r\n\r\n0',
  ])('is not moved by a client that sends %s', async (line) => {
    const through = await ask(KEY, { headers: [line] })
    expect(through.status).toBe(200)
    expect(Buffer.from(through.body, 'latin1').equals(PNG)).toBe(true)
  })

  it('lets nobody at the bucket by any other address or method', async () => {
    const { place } = await stage.store.locate(image.id)
    const targets = [
      '/',
      '/media',
      '/media?list-type=2',
      `/media/some/where/objects/${place?.objectKey}`,
      `/media/k/../../media/some/where/objects/${place?.objectKey}`,
      `${KEY}?versionId=null&response-content-type=text/html`,
    ]
    for (const target of targets) {
      const answer = await ask(target)
      expectNothingOfTheBucket(answer)
      expect(answer.headers['content-type'] ?? '').not.toContain('text/html')
      if (target.startsWith(KEY)) expect(answer.headers['content-type']).toBe('image/png')
      else expect(answer.status).toBeOneOf([400, 404])
    }
    for (const method of ['PUT', 'DELETE', 'POST', 'PATCH', 'OPTIONS'])
      expect((await ask(KEY, { method })).status).toBe(405)
  })

  it('answers 503 with Retry-After, and nothing of the bucket, when an object is gone behind our back', async () => {
    const gone = await stage.store.put(randomBytes(100), { filename: 'gone.bin', visibility: 'public' })
    const { place } = await stage.store.locate(gone.id)
    await deleteObject(stage, place?.objectKey ?? '')

    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(`/media/${gone.id}/content`, { method })
      expect(answer.status).toBe(503)
      // Of the second try, or of the gate, which may know already when it is asked for the second time.
      expect(answer.headers['retry-after']).toMatch(method === 'GET' ? /^2$/ : /^\d+$/)
      expect(answer.headers['cache-control']).toBe('no-store')
      expect(answer.headers['etag']).toBeUndefined()
      expectNothingOfTheBucket(answer)
    }
    // The second try had it looked at again: the gate knows now, and no more clients go to the bucket for it.
    await expect.poll(async () => (await stage.store.availability(gone.id)).state).toBe('failed')
    expect((await ask(`/media/${gone.id}/content`)).headers['x-media-state']).toBe('failed')
  })

  it('answers 503 with Retry-After while the bucket is away, and serves again when it is back', async () => {
    const other = await stage.store.put(randomBytes(1_000), { filename: 'other.bin', visibility: 'public' })
    const target = `/media/${other.id}/content`
    expect((await ask(target, { headers: ['range: bytes=0-1'] })).status).toBe(206)
    await stage.minio.kill()
    const away = await ask(target, { headers: ['range: bytes=2-3'] })
    expect(away.status).toBe(503)
    expect(away.headers['retry-after']).toBeDefined()
    expectNothingOfTheBucket(away)
    await stage.minio.restart()
    await expect
      .poll(async () => (await ask(target, { headers: ['range: bytes=4-5'] })).status, { timeout: 30_000 })
      .toBe(206)
  })

  it('tells the tag of the media in every way', async () => {
    expect((await ask(KEY)).headers['etag']).toBe(await etagOf())
  })
})

describeUnless(absent, 'hot media in Envoy itself', () => {
  /** As the shipped file says: addresses signed for the host that clients name, and no other host. */
  const forOneHost = (config: string): string =>
    changed(config.replace(/ +host_rewrite_literal: .*\n/, ''), 'domains: ["*"]', 'domains: ["cdn.example"]')
  let stage: BucketStage
  beforeAll(async () => {
    const upstream = {
      mode: 'presign',
      host: 'cdn.example',
      sharedCacheSeconds: 600,
      reuseMs: 300_000,
    } as const
    stage = await startBucketStage({ upstream, change: forOneHost })
  })
  afterAll(() => stage.close())
  const ask = (target: string, options?: AskOptions): Promise<Answer> => askHttp1(stage.port, target, options)
  const count = (name: string): Promise<number> => stage.envoy.stat(`cluster.bucket.${name}`)

  it('are asked for once of the bucket, and of the gate each time', async () => {
    const { id } = await stage.store.put(PNG, { filename: 'a.png', visibility: 'public' })
    const target = `/media/${id}/content`
    const etag = (await askHttp1(stage.appPort, target, { method: 'HEAD' })).headers['etag']
    expect((await ask(target)).status).toBe(200)
    await expect.poll(async () => (await ask(target)).headers['age']).toBeDefined()
    const [ready, fetched] = [stage.gate.counts.decisions.ready, await count('upstream_rq_total')]

    for (let n = 0; n < 5; n++) {
      const hit = await ask(target)
      expect(Buffer.from(hit.body, 'latin1').equals(PNG)).toBe(true)
      expect(hit.headers).toMatchObject({ etag, 'content-type': 'image/png', age: expect.any(String) })
      expectNothingOfTheBucket(hit)
    }
    expect((await ask(target, { headers: [`if-none-match: ${etag}`] })).status).toBe(304)

    expect(stage.gate.counts.decisions.ready - ready).toBe(6)
    expect(await count('upstream_rq_total')).toBe(fetched)

    const part = await ask(target, { headers: ['range: bytes=10-19'] })
    expect([part.status, part.body]).toEqual([206, PNG.subarray(10, 20).toString('latin1')])
    expect(await count('upstream_rq_total')).toBe(fetched + 1)
  })

  it('are gone for clients as soon as they are gone for the gate', async () => {
    const { id } = await stage.store.put(randomBytes(5_000), { filename: 'b.bin', visibility: 'public' })
    const target = `/media/${id}/content`
    await expect.poll(async () => (await ask(target)).headers['age']).toBeDefined()
    await stage.store.update(id, { visibility: 'private' })
    expect((await ask(target)).status).toBe(404)
    await stage.store.update(id, { visibility: 'public' })
    expect((await ask(target)).status).toBe(200)
    await stage.store.delete(id)
    expect((await ask(target)).status).toBe(404)
  })

  it('show no page of the bucket when it lost them, and no signature in the access log', async () => {
    const { id } = await stage.store.put(randomBytes(5_000), { filename: 'c.bin', visibility: 'public' })
    const { place } = await stage.store.locate(id)
    await deleteObject(stage, place?.objectKey ?? '')
    const answer = await ask(`/media/${id}/content`)
    expect(answer.status).toBe(503)
    expect(answer.headers['retry-after']).toBe('2')
    expectNothingOfTheBucket(answer)
    expect(stage.envoy.output()).not.toMatch(/X-Amz-Signature/i)
  })
})

async function deleteObject({ minio }: BucketStage, objectKey: string): Promise<void> {
  const { accessKeyId, secretAccessKey, endpoint, region } = minio
  const credentials = { accessKeyId, secretAccessKey }
  await using bucket = s3Store({ bucket: 'media', prefix: 'some/where', endpoint, region, credentials })
  await bucket.delete(objectKey)
}
