import { join } from 'node:path'
import { fsStore } from '@mediakeep/adapters/fs'
import { sqliteCatalog } from '@mediakeep/adapters/sqlite'
import type { MediaStore } from '@mediakeep/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { healthRouter } from './health/health-router.ts'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import { folderMedia, memoryMedia, PNG, serve, type Wire } from './wire.fixture.ts'

const diskMedia = folderMedia((root) => ({
  tiers: [{ name: 'disk', store: fsStore({ root: join(root, 'objects') }) }],
  catalog: sqliteCatalog({ file: join(root, 'catalog.db') }),
}))

describe.each([
  ['memory', memoryMedia],
  ['files and SQLite', diskMedia],
])('names, headers and paths on %s', (_, open) => {
  let store: MediaStore
  let wire: Wire
  beforeAll(async () => {
    store = await open()
    wire = await serve(mediaRouter(store, { access: openAccess() }))
  })
  afterAll(async () => {
    await wire.close()
    await store.close()
  })

  it.each([
    ['2.11-01', 'dots', '/k/../../etc/passwd'],
    ['2.11-02', 'encoded dots', '/k/%2e%2e/%2e%2e/etc/passwd'],
    ['2.11-03', 'doubly encoded dots', '/k/%252e%252e/passwd'],
    ['2.11-02', 'an encoded slash', '/k/a%2Fb'],
    ['2.11-05', 'an encoded backslash', '/k/a%5C..%5Cb'],
    ['2.11-04', 'overlong UTF-8', '/k/%c0%ae%c0%ae/passwd'],
    ['2.11-06', 'NUL', '/k/a%00.png'],
    ['2.11-06', 'a control character', '/k/a%0d%0aSet-Cookie:%20x'],
    ['2.11-12', 'an empty segment', '/k/a//b'],
    ['2.11-12', 'a leading slash', '/k//a'],
    ['2.11-12', 'a trailing slash', '/k/a/'],
    ['2.11-12', 'a dot', '/k/.'],
    ['2.11-12', 'two dots', '/k/..'],
    ['2.11-09', '1,025 bytes', `/k/${'a'.repeat(1_025)}`],
    ['2.11-04', 'half a surrogate', '/k/%ed%a0%80'],
    ['2.11-07', 'a direction override', '/k/%E2%80%AEgnp.exe'],
  ])('%s a key with %s is 400 to write and 404 to read', async (_row, _name, path) => {
    const written = await wire.ask(path, { method: 'PUT', body: PNG })
    expect([written.status, written.json['reason']]).toEqual([400, 'bad-key'])
    expect((await wire.ask(path)).status).toBe(404)
  })

  const put = (key: string): Promise<{ status: number }> =>
    wire.ask(`/k/${encodeURIComponent(key)}`, { method: 'PUT', body: PNG })

  it('2.11-07 keys that look the same are one', async () => {
    expect((await put('caf\u00e9')).status).toBe(201)
    expect((await put('cafe\u0301')).status).toBe(200)
  })

  it('2.11-08 keys that differ in case are two', async () => {
    expect((await put('Case')).status).toBe(201)
    expect((await put('case')).status).toBe(201)
    expect((await put('CON')).status).toBe(201)
  })

  it.each([
    ['2.11-10', 'a quote', 'a"b.png', 'inline; filename="a_b.png"; filename*=UTF-8\'\'a%22b.png'],
    [
      '2.11-10',
      'other scripts',
      '日本.png',
      'inline; filename="__.png"; filename*=UTF-8\'\'%E6%97%A5%E6%9C%AC.png',
    ],
    ['2.11-10', 'CRLF', 'a\r\nSet-Cookie: x=1.png', 'inline; filename="aSet-Cookie_ x=1.png"'],
    ['2.11-11', 'a reserved name', 'con.png', 'inline; filename="_con.png"'],
  ])('%s a file name with %s cannot split a header', async (_row, _name, filename, expected) => {
    const { id } = await store.put(PNG, { filename })
    const answer = await wire.ask(`/${id}/content`)
    expect(answer.headers['content-disposition']).toBe(expected)
    expect(answer.headers['set-cookie']).toBeUndefined()
  })

  it('2.11-18 a Content-Type with parameters is stored as its type, one that is none is 400', async () => {
    const good = await wire.ask('/', {
      method: 'POST',
      body: PNG,
      headers: { 'content-type': 'IMAGE/PNG; charset=utf-7; x="y"' },
    })
    expect([good.status, good.json['contentType']]).toEqual([201, 'image/png'])
    for (const contentType of ['image', 'image/png/x', 'a b/c', '<script>']) {
      const bad = await wire.ask('/', { method: 'POST', body: PNG, headers: { 'content-type': contentType } })
      expect([contentType, bad.status]).toEqual([contentType, 400])
    }
  })

  it('2.11-19 text is served as UTF-8 whatever charset was declared', async () => {
    const made = await wire.ask('/?filename=a.txt', {
      method: 'POST',
      body: '+ADw-script',
      headers: { 'content-type': 'text/plain; charset=utf-7' },
    })
    expect((await wire.ask(`/${made.id}/content`)).headers['content-type']).toBe('text/plain; charset=utf-8')
  })

  it.each([
    ['2.11-15', 'Host', { host: 'evil.example' }],
    [
      '2.11-16',
      'X-Forwarded-*',
      {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-prefix': '/evil',
        'x-forwarded-proto': 'ftp',
        forwarded: 'host=evil.example',
      },
    ],
  ])('%s %s is in no address we give', async (_row, _name, more) => {
    const headers: Record<string, string> = { ...more }
    const made = await wire.ask('/?filename=a.png', { method: 'POST', body: PNG, headers })
    expect(made.headers.location).toBe(`/${made.id}`)
    const page = await wire.ask('/?limit=1', { headers })
    expect(page.headers['link']).toMatch(/^<\/\?limit=1&cursor=[^>]+>; rel="next"$/)
  })

  it('2.11-15 nor is the host of a request line with a whole address', async () => {
    const own = await serve(mediaRouter(store, { access: openAccess(), basePath: '/media' }))
    const ask = (line: string, body = ''): Promise<string> =>
      own.raw(
        `${line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
    const made = await ask('POST http://evil.example/media?filename=a.txt', 'hello')
    expect(made).toMatch(/\r\nLocation: \/media\/[0-9a-f-]{36}\r\n/)
    const page = await ask('GET http://evil.example/media?limit=1')
    expect(page).toMatch(/\r\nLink: <\/media\?limit=1&cursor=[^>]+>; rel="next"\r\n/)
    await own.close()
  })

  it('a request line with a whole address is read by its path', async () => {
    const answer = await wire.raw(
      'GET http://evil.example/none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    )
    expect(answer).toContain('"code":"MEDIA_ABSENT"')
    expect(await wire.raw('GET http://a?limit=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toContain(
      '200 OK',
    )
  })

  it.each(['return_url', 'next', 'redirect', 'callback'])(
    '2.11-17 nobody is sent elsewhere by %s',
    async (name) => {
      const query = `?${name}=${encodeURIComponent('https://evil.example/')}`
      const asked = [
        await wire.ask(`/${query}&filename=a.png`, { method: 'POST', body: PNG }),
        await wire.ask(`/${query}`),
        await wire.ask(`/none/content${query}`),
      ]
      expect(asked.map(({ status }) => status)).toEqual([201, expect.any(Number), 404])
      for (const { status, headers } of asked) {
        expect(status < 300 || status >= 400).toBe(true)
        expect(headers.location ?? '').not.toContain('evil')
        expect(headers['refresh']).toBeUndefined()
      }
    },
  )

  it.each([
    ['line breaks', 'a\tb'],
    ['too long', 'x'.repeat(129)],
    ['markup', '<b>'],
  ])('2.11-21 a request id with %s is not taken over', async (_name, id) => {
    const answer = await wire.ask('/none', { headers: { 'x-request-id': id } })
    expect(answer.headers['x-request-id']).not.toBe(id)
    expect(answer.json['requestId']).toBe(answer.headers['x-request-id'])
  })

  it('2.11-20 metadata named constructor is data, __proto__ is refused', async () => {
    const ask = (metadata: string): Promise<{ status: number }> =>
      wire.ask(`/?filename=a.png&metadata=${encodeURIComponent(metadata)}`, { method: 'POST', body: PNG })
    expect((await ask('{"constructor":"x"}')).status).toBe(201)
    expect((await ask('{"__proto__":{"polluted":1}}')).status).toBe(400)
    expect({}).not.toHaveProperty('polluted')
  })

  it.each([
    ['GET', '/uploads', 405],
    ['POST', '/tus', 412],
    ['GET', '/k', 404],
    ['GET', '/k/', 404],
    ['GET', '/links', 404],
    ['GET', '/links/a', 404],
    ['GET', '/t/x/y/z', 404],
    ['GET', '//', 404],
    ['POST', '/x/content', 405],
    ['TRACE', '/x', 405],
    ['OPTIONS', '/', 405],
  ])('%s %s is a problem, not a hang', async (method, path, status) => {
    const answer = await wire.ask(path, { method })
    expect(answer.status).toBe(status)
    expect(answer.headers['content-type']).toBe('application/problem+json')
  })
})

describe('healthRouter', () => {
  it('takes in no body: the connection ends with the answer', async () => {
    const store = await memoryMedia()
    const own = await serve(healthRouter(store))
    for (const line of ['GET /healthz', 'GET http://a/healthz', 'HEAD /readyz']) {
      const answer = await own.raw(`${line} HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000000\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n/)
    }
    await own.close()
    await store.close()
  })

  it('answers 200 while the store is open and 503 once it is closed', async () => {
    const store = await memoryMedia()
    const wire = await serve(healthRouter(store))
    expect((await wire.ask('/healthz')).status).toBe(200)
    const ready = await wire.ask('/readyz')
    expect(ready.status).toBe(200)
    expect(ready.json).toMatchObject({ status: 'ok', checks: expect.any(Object) })
    for (const check of Object.values(ready.json['checks'] as object)) {
      expect(check).toEqual({ status: 'ok', latencyMs: expect.any(Number) })
    }
    expect((await wire.ask('/healthz', { method: 'POST' })).status).toBe(405)
    expect((await wire.ask('/other')).status).toBe(404)
    await store.close()
    expect((await wire.ask('/healthz')).status).toBe(503)
    expect((await wire.ask('/readyz')).json).toMatchObject({ status: 'down' })
    await wire.close()
  })

  it('answers 503 on /readyz when a dependency is down, and tells no detail', async () => {
    const health = async () =>
      ({
        status: 'down',
        checks: { catalog: { status: 'down', latencyMs: 3, detail: 'postgres://user:pw@host' } },
      }) as const
    const wire = await serve(
      healthRouter({ health, stat: async () => Promise.reject(new Error('the catalog is down')) }),
    )
    const ready = await wire.ask('/readyz')
    expect([ready.status, ready.json]).toEqual([
      503,
      { status: 'down', checks: { catalog: { status: 'down', latencyMs: 3 } } },
    ])
    expect((await wire.ask('/healthz')).status).toBe(200)
    await wire.close()
  })
})
