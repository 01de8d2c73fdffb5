import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import type { MediaStore } from '@mediakeep/core'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import { type Answer, folderMedia, memoryMedia, PNG, pngWith, serve, type Wire } from './wire.fixture.ts'

const LARGE = pngWith(
  String.fromCharCode(...Array.from({ length: 1_000 }, (_, index) => 32 + ((index * 7919) % 95))).repeat(300),
)

const diskMedia = folderMedia((root) => ({
  tiers: [{ name: 'disk', store: fsStore({ root: join(root, 'objects') }) }],
  catalog: sqliteCatalog({ file: join(root, 'catalog.db') }),
}))

describe.each([
  ['memory', memoryMedia],
  ['files and SQLite', diskMedia],
])('reading from %s', (_, open) => {
  let store: MediaStore
  let wire: Wire
  // Ten bytes, whose slices the oracle below takes from a plain Buffer.
  const TEN = Buffer.from('0123456789')
  let ten: string
  let large: string
  let etag: string
  let modified: string

  beforeAll(async () => {
    store = await open({ policies: [{ match: '*', minBytes: 0, allowUnrecognised: true }] })
    wire = await serve(mediaRouter(store, { access: openAccess() }))
    const media = await store.put(TEN, { filename: 'ten', visibility: 'public' })
    ten = `/${media.id}/content`
    large = `/${(await store.put(LARGE, { filename: 'large.png' })).id}/content`
    const head = await wire.ask(ten, { method: 'HEAD' })
    etag = String(head.headers.etag)
    modified = String(head.headers['last-modified'])
  })
  afterAll(async () => {
    await wire.close()
    await store.close()
  })

  const get = (headers: Record<string, string | string[]>, path = ten): Promise<Answer> =>
    wire.ask(path, { headers })
  const before = (): string => new Date(Date.parse(modified) - 60_000).toUTCString()
  const after = (): string => new Date(Date.parse(modified) + 60_000).toUTCString()

  it('the validator is strong and of the digest', () => {
    expect(etag).toBe(`"sha256-${createHash('sha256').update(TEN).digest('base64url')}"`)
  })

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=9-9', 9, 10],
    ['bytes=-5', 5, 10],
    ['bytes=-100', 0, 10],
    ['bytes=3-', 3, 10],
    ['bytes=0-99999999999999999999', 0, 10],
    ['bytes=5-9', 5, 10],
    ['BYTES=1-2', 1, 3],
    ['bytes= 1-2', 1, 3],
    ['bytes=1-2 ', 1, 3],
    ['bytes=1-2,3-4', 1, 5],
    ['bytes=1-4,2-6', 1, 7],
    ['bytes=1-2,50-60', 1, 3],
  ])('%s is 206 with the bytes %i to %i', async (range, start, end) => {
    const answer = await get({ range })
    expect(answer.status).toBe(206)
    expect(answer.headers['content-range']).toBe(`bytes ${start}-${end - 1}/10`)
    expect(answer.headers['content-length']).toBe(String(end - start))
    expect(answer.body).toEqual(TEN.subarray(start, end))
  })

  it.each([
    ['bytes=10-'],
    ['bytes=-0'],
    ['bytes=10-20'],
    ['bytes=99999999999999999999-'],
    ['bytes=20-30,40-50'],
  ])('%s is 416 with the length', async (range) => {
    const answer = await get({ range })
    expect([answer.status, answer.headers['content-range'], answer.json['code']]).toEqual([
      416,
      'bytes */10',
      'MEDIA_RANGE',
    ])
  })

  it.each(
    [
      ['bytes=5-2'],
      ['bytes=+0-1'],
      ['bytes=0x0-1'],
      ['bytes=1e0-5'],
      ['bytes='],
      ['bytes'],
      ['items=0-1'],
      ['bytes=a-b'],
      ['bytes=0 - 1'],
      ['bytes=--5'],
      ['bytes=0-5,1-6,2-7'],
      [`bytes=${Array.from({ length: 17 }, () => '0-0').join(',')}`],
      [`bytes=${'0-0,'.repeat(1_000)}1-1`],
    ].map(([range = '']) => [range.slice(0, 40), range] as const),
  )('%s is ignored: 200 and the whole', async (_name, range) => {
    const answer = await get({ range })
    expect([answer.status, answer.body.toString()]).toEqual([200, '0123456789'])
    expect(answer.headers['content-range']).toBeUndefined()
  })

  it('two disjoint ranges are multipart/byteranges of exactly the stated length', async () => {
    const answer = await get({ range: 'bytes=0-1,4-5,-1' })
    expect(answer.status).toBe(206)
    const boundary = /^multipart\/byteranges; boundary=(.+)$/.exec(
      String(answer.headers['content-type']),
    )?.[1]
    const parts = [
      [0, 2],
      [4, 6],
      [9, 10],
    ] as const
    const expected = parts
      .map(
        ([start, end], index) =>
          `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes ${start}-${end - 1}/10\r\n\r\n${TEN.toString('latin1', start, end)}`,
      )
      .join('')
    expect(answer.body.toString()).toBe(`${expected}\r\n--${boundary}--\r\n`)
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
  })

  it('HEAD ignores Range and has no body', async () => {
    const answer = await wire.ask(ten, { method: 'HEAD', headers: { range: 'bytes=0-1' } })
    expect([answer.status, answer.headers['content-length'], answer.body.length]).toEqual([200, '10', 0])
  })

  it('a repeated Range is ignored', async () => {
    const answer = await wire.raw(
      `GET ${ten} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nRange: bytes=0-1\r\nRange: bytes=3-4\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('is never coded, so ranges are of the bytes stored', async () => {
    const answer = await get({ 'accept-encoding': 'gzip, br', range: 'bytes=0-1' })
    expect([answer.status, answer.headers['content-encoding']]).toEqual([206, undefined])
  })

  const conditions: readonly (readonly [
    what: string,
    headers: () => Record<string, string>,
    status: number,
  ])[] = [
    ['If-None-Match equal', () => ({ 'if-none-match': etag }), 304],
    ['If-None-Match in a list', () => ({ 'if-none-match': `"a", ${etag} , "b"` }), 304],
    ['If-None-Match weak', () => ({ 'if-none-match': `W/${etag}` }), 304],
    ['If-None-Match *', () => ({ 'if-none-match': '*' }), 304],
    ['If-None-Match other', () => ({ 'if-none-match': '"other"' }), 200],
    [
      'If-None-Match other wins over If-Modified-Since',
      () => ({ 'if-none-match': '"other"', 'if-modified-since': after() }),
      200,
    ],
    ['If-Modified-Since equal', () => ({ 'if-modified-since': modified }), 304],
    ['If-Modified-Since later', () => ({ 'if-modified-since': after() }), 304],
    ['If-Modified-Since earlier', () => ({ 'if-modified-since': before() }), 200],
    ['If-Modified-Since that is no date', () => ({ 'if-modified-since': 'yesterday' }), 200],
    ['If-Match equal', () => ({ 'if-match': etag }), 200],
    ['If-Match *', () => ({ 'if-match': '*' }), 200],
    ['If-Match weak', () => ({ 'if-match': `W/${etag}` }), 412],
    ['If-Match other', () => ({ 'if-match': '"other"' }), 412],
    [
      'If-Match equal wins over If-Unmodified-Since',
      () => ({ 'if-match': etag, 'if-unmodified-since': before() }),
      200,
    ],
    ['If-Unmodified-Since earlier', () => ({ 'if-unmodified-since': before() }), 412],
    ['If-Unmodified-Since equal', () => ({ 'if-unmodified-since': modified }), 200],
    ['If-Match failing before If-None-Match', () => ({ 'if-match': '"other"', 'if-none-match': etag }), 412],
    ['If-Match holding, If-None-Match equal', () => ({ 'if-match': etag, 'if-none-match': etag }), 304],
    ['If-None-Match before Range', () => ({ 'if-none-match': etag, range: 'bytes=0-1' }), 304],
    ['If-Match failing before Range', () => ({ 'if-match': '"other"', range: 'bytes=50-' }), 412],
    ['If-Range equal', () => ({ 'if-range': etag, range: 'bytes=0-1' }), 206],
    ['If-Range weak', () => ({ 'if-range': `W/${etag}`, range: 'bytes=0-1' }), 200],
    ['If-Range other', () => ({ 'if-range': '"other"', range: 'bytes=0-1' }), 200],
    ['If-Range exact date', () => ({ 'if-range': modified, range: 'bytes=0-1' }), 206],
    ['If-Range later date', () => ({ 'if-range': after(), range: 'bytes=0-1' }), 200],
    ['If-Range other with a range past the end', () => ({ 'if-range': '"other"', range: 'bytes=50-' }), 200],
  ]
  it.each(conditions)('%s', async (what, headers, status) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await wire.ask(ten, { method, headers: headers() })
      expect([what, method, answer.status]).toEqual([
        what,
        method,
        method === 'HEAD' && status === 206 ? 200 : status,
      ])
      if (status !== 304) continue
      expect(answer.body.length).toBe(0)
      expect(answer.headers).toMatchObject({ etag, 'cache-control': 'public, max-age=0, must-revalidate' })
      expect(answer.headers['content-type']).toBeUndefined()
    }
  })

  it('a random range of a large body has the bytes of the slice', async () => {
    const last = LARGE.length - 1
    await fc.assert(
      fc.asyncProperty(
        fc.nat(last + 10),
        fc.nat(last + 10),
        fc.constantFrom('both', 'from', 'suffix'),
        async (a, b, form) => {
          const [first, final] = a <= b ? [a, b] : [b, a]
          const range =
            form === 'both'
              ? `bytes=${first}-${final}`
              : form === 'from'
                ? `bytes=${first}-`
                : `bytes=-${first}`
          const [start, end] =
            form === 'suffix'
              ? [Math.max(0, LARGE.length - first), LARGE.length]
              : [first, form === 'from' ? LARGE.length : Math.min(final + 1, LARGE.length)]
          const answer = await get({ range }, large)
          const isPast = start >= LARGE.length
          expect([answer.status, answer.headers['content-range']]).toEqual(
            isPast ? [416, `bytes */${LARGE.length}`] : [206, `bytes ${start}-${end - 1}/${LARGE.length}`],
          )
          expect(isPast || answer.body.equals(LARGE.subarray(start, end))).toBe(true)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('the whole of a large body comes whole, many at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => get({}, large)))
    for (const { body } of answers) expect(body.equals(LARGE)).toBe(true)
  })

  it('every content is safe to serve', async () => {
    const answer = await get({})
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cross-origin-resource-policy': 'cross-origin',
      'content-disposition': 'inline; filename="ten"',
      'accept-ranges': 'bytes',
    })
  })

  it('a client that leaves in the middle frees the reader', async () => {
    const body = Buffer.concat([PNG, Buffer.alloc(30_000_000)])
    const { id } = await store.put(body)
    const socket = await wire.socket()
    socket.write(`GET /${id}/content HTTP/1.1\r\nHost: a\r\n\r\n`)
    await new Promise((resolve) => socket.once('data', resolve))
    socket.destroy()
    await expect
      .poll(() => new Promise((resolve) => wire.server.getConnections((_error, count) => resolve(count))), {
        timeout: 10_000,
      })
      .toBe(0)
    // Closing waits for readers that are still open: it would not come back in time.
    expect((await get({ range: 'bytes=-1' }, `/${id}/content`)).status).toBe(206)
  })

  it('a replaced content answers 412 to If-Match of the old one, and the new bytes', async () => {
    const { id } = await store.put(Buffer.from('old text'), { filename: 'a.txt' })
    const old = String((await get({}, `/${id}/content`)).headers.etag)
    await store.put(Buffer.from('new text'), { at: id })
    expect((await get({ 'if-match': old }, `/${id}/content`)).status).toBe(412)
    expect((await get({ 'if-range': old, range: 'bytes=0-2' }, `/${id}/content`)).body.toString()).toBe(
      'new text',
    )
  })
})
