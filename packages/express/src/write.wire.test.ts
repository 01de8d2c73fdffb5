import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type MediaEvent, type MediaStore, memoryStore } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import {
  type Answer,
  type Ask,
  formOf,
  memoryMedia,
  PNG,
  serve,
  type Wire,
  writable,
} from './wire.fixture.ts'

const png = (text: string): Buffer => Buffer.concat([PNG, Buffer.from(text)])
const sha256 = (bytes: Buffer): string => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

let store: MediaStore
let wire: Wire
let events: MediaEvent[]

beforeEach(async () => {
  events = []
  store = await memoryMedia({ observer: (event) => events.push(event) })
  wire = await serve(mediaRouter(store, { access: openAccess(), bodyRateWindowMs: 100 }))
})
afterEach(async () => {
  await wire.close()
  await store.close()
})

const post = (body: Buffer, options: Ask = {}, path = '/?filename=a.png'): Promise<Answer> =>
  wire.ask(path, { method: 'POST', body, ...options })

describe('POST of a raw body', () => {
  it('takes name, key, tags, visibility, metadata and links from the query', async () => {
    const query = new URLSearchParams({
      filename: 'b.png',
      key: 'x/b.png',
      tags: 'one,two',
      visibility: 'public',
      metadata: '{"a":1}',
      links: '[{"kind":"k","target":"t"}]',
    })
    const answer = await post(PNG, {}, `/?${query}`)
    expect(answer.status).toBe(201)
    expect(answer.json).toMatchObject({
      filename: 'b.png',
      key: 'x/b.png',
      tags: ['one', 'two'],
      visibility: 'public',
      metadata: { a: 1 },
      links: [{ kind: 'k', target: 't' }],
    })
  })

  it('takes the name from Content-Disposition', async () => {
    const answer = await post(
      PNG,
      { headers: { 'content-disposition': "attachment; filename*=UTF-8''na%C3%AFve.png" } },
      '/',
    )
    expect(answer.json['filename']).toBe('naïve.png')
  })

  it('takes a body without length', async () => {
    const answer = await wire.raw(
      `POST /?filename=a.png HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${PNG.length.toString(16)}\r\n`,
      PNG,
      '\r\n0\r\n\r\n',
    )
    expect(answer).toContain('201 Created')
  })

  it('refuses an empty body with 400', async () => {
    const answer = await post(Buffer.alloc(0))
    expect([answer.status, answer.json['reason']]).toEqual([400, 'empty-file'])
  })

  it('refuses a type that is not what the bytes are with 415', async () => {
    expect((await post(PNG, { headers: { 'content-type': 'video/mp4' } }, '/')).status).toBe(415)
    expect((await post(PNG, {}, '/?filename=a.mp4')).status).toBe(415)
  })

  it('checks Content-Digest and Repr-Digest, and keeps nothing that does not match', async () => {
    expect(
      (await post(PNG, { headers: { 'content-digest': sha256(PNG), 'repr-digest': sha256(PNG) } })).status,
    ).toBe(201)
    for (const name of ['content-digest', 'repr-digest']) {
      const answer = await post(png('other'), { headers: { [name]: sha256(PNG) } })
      expect([answer.status, answer.json['code']]).toEqual([400, 'MEDIA_DIGEST_MISMATCH'])
    }
    const broken = await post(PNG, { headers: { 'content-digest': 'sha-256=nonsense' } })
    expect([broken.status, broken.json['reason']]).toEqual([400, 'bad-digest'])
    expect((await store.list()).items.length).toBe(1)
  })

  it('checks Content-Digest of a form against the whole form', async () => {
    const form = formOf([['file', PNG, 'a.png']])
    const good = await wire.ask('/', {
      method: 'POST',
      body: form.body,
      headers: { ...form.headers, 'content-digest': sha256(form.body) },
    })
    expect(good.status).toBe(201)
    const bad = await wire.ask('/', {
      method: 'POST',
      body: form.body,
      headers: { ...form.headers, 'content-digest': sha256(PNG) },
    })
    expect([bad.status, bad.json['code']]).toEqual([400, 'MEDIA_DIGEST_MISMATCH'])
    expect((await store.list()).items.length).toBe(1)
  })

  it('answers a repeated Idempotency-Key with the first media', async () => {
    const headers = { 'idempotency-key': 'once-1' }
    const [first, second] = [await post(PNG, { headers }), await post(PNG, { headers })]
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.json['id']).toBe(first.json['id'])
    expect((await store.list()).items.length).toBe(1)
    expect((await post(PNG, { headers: { 'idempotency-key': 'x'.repeat(300) } })).status).toBe(400)
  })

  it('refuses a key that is taken with 409, in a query and in a form', async () => {
    await store.put(PNG, { at: { key: 'taken' } })
    const raw = await post(png('x'), {}, '/?key=taken')
    expect([raw.status, raw.json['code'], raw.json['reason']]).toEqual([409, 'MEDIA_CONFLICT', 'key-taken'])
    for (const parts of [
      [
        ['key', 'taken'],
        ['file', png('x'), 'a.png'],
      ],
      [
        ['file', png('x'), 'a.png'],
        ['key', 'taken'],
      ],
    ] as const) {
      expect((await wire.ask('/', { method: 'POST', ...formOf(parts) })).status).toBe(409)
    }
  })

  it('honours fields of a form that stand behind its file', async () => {
    // Larger than what comes at once: its fields are not known when the put begins.
    const large = Buffer.concat([PNG, Buffer.alloc(2_000_000)])
    const form = formOf([
      ['file', large, 'a.png'],
      ['key', 'late/key.png'],
      ['tags', 'a'],
      ['tags', 'b'],
      ['visibility', 'public'],
      ['filename', 'late.png'],
    ])
    const answer = await wire.ask('/', { method: 'POST', ...form })
    expect(answer.json).toMatchObject({
      key: 'late/key.png',
      tags: ['a', 'b'],
      visibility: 'public',
      filename: 'late.png',
    })
  })

  it.each([
    ['a bad key', [['key', '../x']], 'bad-key'],
    ['a bad visibility', [['visibility', 'secret']], 'bad-visibility'],
    ['metadata that is not JSON', [['metadata', '{']], 'bad-metadata'],
    ['metadata with __proto__', [['metadata', '{"__proto__":{"a":1}}']], 'bad-metadata'],
    [
      'a field twice',
      [
        ['key', 'a'],
        ['key', 'b'],
      ],
      'duplicate-field',
    ],
    ['bad links', [['links', '[{"kind":""}]']], 'bad-link'],
  ] as const)('refuses %s before or behind the file', async (_, fields, reason) => {
    const file = ['file', PNG, 'a.png'] as const
    for (const parts of [
      [...fields, file],
      [file, ...fields],
    ]) {
      const answer = await wire.ask('/', { method: 'POST', ...formOf(parts) })
      expect([answer.status, answer.json['reason']]).toEqual([400, reason])
    }
    expect((await store.list()).items).toEqual([])
  })
})

describe('PUT by key', () => {
  const put = (body: Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
    wire.ask('/k/dir/a.png', { method: 'PUT', body, headers })

  it('creates once with If-None-Match: *', async () => {
    expect((await put(PNG, { 'if-none-match': '*' })).status).toBe(201)
    const again = await put(png('x'), { 'if-none-match': '*' })
    expect([again.status, again.json['code']]).toEqual([412, 'MEDIA_PRECONDITION'])
    expect((await wire.ask('/k/dir/a.png')).body).toEqual(PNG)
  })

  it('replaces only what If-Match names', async () => {
    const first = await put(PNG)
    const etag = String(first.headers.etag)
    expect((await put(png('2'), { 'if-match': etag })).status).toBe(200)
    expect((await put(png('3'), { 'if-match': etag })).status).toBe(412)
    expect((await put(png('3'), { 'if-match': `W/${etag}` })).status).toBe(412)
    expect((await wire.ask('/k/dir/a.png')).body).toEqual(png('2'))
  })

  it('answers If-Match on what is not there with 412', async () => {
    expect((await put(PNG, { 'if-match': '*' })).status).toBe(412)
    expect((await store.list()).items).toEqual([])
  })

  it('lets one of two writers with the same validator win', async () => {
    const etag = String((await put(PNG)).headers.etag)
    const answers = await Promise.all([
      put(png('a'), { 'if-match': etag }),
      put(png('b'), { 'if-match': etag }),
    ])
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 412])
  })

  it('makes one record of many writers at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => put(png(String(index)))))
    const made = answers.filter(({ status }) => status === 201)
    expect(answers.filter(({ status }) => status === 200).length).toBe(7)
    expect(made.length).toBe(1)
    expect((await store.list()).items.length).toBe(1)
  })

  it('asks for the key again after the last byte: what came under it meanwhile is replaced, not doubled', async () => {
    const socket = await wire.socket()
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    const late = png('late')
    const head = `PUT /k/dir/a.png HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${late.length}\r\n\r\n`
    const accepted = new Promise((resolve) => wire.server.once('request', resolve))
    socket.write(Buffer.concat([Buffer.from(head), late.subarray(0, 20)]))
    await accepted
    const { id } = await store.put(PNG, { at: { key: 'dir/a.png' } })
    socket.write(late.subarray(20))
    await once(socket, 'close')
    expect(text).toContain('HTTP/1.1 200 OK')
    expect(text).toContain(id)
    expect((await wire.ask('/k/dir/a.png')).body).toEqual(late)
  })

  it('keeps the id, the owner and the old bytes of a reader under way', async () => {
    const first = await put(PNG)
    const reader = await store.open({ key: 'dir/a.png' })
    const second = await put(png('new'))
    expect(second.json).toMatchObject({ id: first.json['id'], revision: 2, contentType: 'image/png' })
    expect(Buffer.from(await reader.bytes({ maxBytes: 1_000 }))).toEqual(PNG)
  })

  it('refuses a form and a key in the query', async () => {
    const form = formOf([['file', PNG, 'a.png']])
    expect((await put(form.body, form.headers)).status).toBe(415)
    expect((await wire.ask('/k/a?key=b', { method: 'PUT', body: PNG })).status).toBe(400)
  })
})

describe('PUT of a content', () => {
  it('replaces the bytes under If-Match and answers 200', async () => {
    const { id } = await store.put(PNG, { filename: 'a.png' })
    const before = await wire.ask(`/${id}/content`, { method: 'HEAD' })
    const headers = { 'if-match': String(before.headers.etag) }
    const answer = await wire.ask(`/${id}/content`, { method: 'PUT', body: png('2'), headers })
    expect([answer.status, answer.json['id'], answer.json['filename']]).toEqual([200, id, 'a.png'])
    expect((await wire.ask(`/${id}/content`, { method: 'PUT', body: png('3'), headers })).status).toBe(412)
    expect((await wire.ask(`/${id}/content`)).body).toEqual(png('2'))
  })

  it('answers 404 for what is not there', async () => {
    const answer = await wire.ask('/018f0000-0000-7000-8000-000000000000/content', {
      method: 'PUT',
      body: PNG,
    })
    expect(answer.status).toBe(404)
  })
})

describe('a sender that misbehaves', () => {
  it('and sends less than it declared leaves nothing, and one event', async () => {
    const socket = await wire.socket()
    await new Promise((resolve) =>
      socket.write(
        Buffer.concat([Buffer.from('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n'), PNG]),
        resolve,
      ),
    )
    socket.end()
    await expect
      .poll(() => events.filter(({ type }) => type === 'upload.refused').length, { timeout: 5_000 })
      .toBe(1)
    expect((await store.list()).items).toEqual([])
    expect(await store.uploads.list()).toEqual([])
  })

  it('and sends more than it declared gets 400 and stores no more than it declared', async () => {
    const answer = await wire.raw(
      Buffer.concat([
        Buffer.from(`POST /?filename=a.png HTTP/1.1\r\nHost: a\r\nContent-Length: ${PNG.length}\r\n\r\n`),
        PNG,
        Buffer.from('extra bytes'),
      ]),
    )
    expect(answer).toContain('HTTP/1.1 400 Bad Request')
    for (const { sizeBytes } of (await store.list()).items) expect(sizeBytes).toBe(PNG.length)
  })

  it('and dribbles is ended with 408', async () => {
    const socket = await wire.socket()
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\n\r\n')
    socket.write(PNG.subarray(0, 20))
    await once(socket, 'close')
    expect(text).toContain('HTTP/1.1 408 Request Timeout')
    expect(text).toContain('"reason":"slow-body"')
    expect(text).toMatch(/\r\nConnection: close\r\n/)
    expect(await store.uploads.list()).toEqual([])
  })

  it('and dribbles a JSON body is ended with 408', async () => {
    const { id } = await store.put(PNG)
    const answer = await wire.raw(
      `PATCH /${id} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 90000\r\n\r\n{`,
    )
    expect(answer).toContain(' 408 ')
  })

  it('and goes on sending after it was refused is cut off soon', async () => {
    const socket = await wire.socket()
    let receivedBytes = 0
    wire.server.once('request', ({ socket: accepted }) => {
      accepted.once('close', () => {
        receivedBytes = accepted.bytesRead
      })
    })
    socket.write('POST /?visibility=x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')])
    for (let sent = 0; sent < 500 && !socket.closed; sent++) {
      if (!socket.write(chunk)) await writable(socket)
    }
    if (!socket.closed) await once(socket, 'close')
    await expect.poll(() => receivedBytes, { timeout: 5_000 }).toBeGreaterThan(0)
    expect(receivedBytes).toBeLessThan(1_000_000)
  })

  it('and is refused with little left keeps its connection', async () => {
    const two = `POST /?visibility=x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabcdeGET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`
    const answer = await wire.raw(two)
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(2)
  })
})

describe('a full store', () => {
  it('answers 507, keeps nothing, and goes on serving reads', async () => {
    const full = await memoryMedia({ tiers: [{ name: 'memory', store: memoryStore({ maxBytes: 300_000 }) }] })
    const own = await serve(mediaRouter(full, { access: openAccess() }))
    const first = Buffer.concat([PNG, Buffer.alloc(200_000)])
    const small = await own.ask('/?filename=a.png', { method: 'POST', body: first })
    expect(small.status).toBe(201)
    const big = Buffer.concat([PNG, Buffer.alloc(200_001)])
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }] as Record<string, string>[]) {
      const answer = await own.ask('/?filename=b.png', { method: 'POST', body: big, headers })
      expect([answer.status, answer.json['code']]).toEqual([507, 'MEDIA_NO_SPACE'])
      expect(answer.headers['content-type']).toBe('application/problem+json')
    }
    expect((await own.ask(`/${small.id}/content`)).body).toEqual(first)
    expect((await full.list()).items.length).toBe(1)
    expect(await full.uploads.list()).toEqual([])
    await own.close()
    await full.close()
  })
})

describe('PATCH', () => {
  const patch = (id: string, body: string, headers: Record<string, string> = {}): Promise<Answer> =>
    wire.ask(`/${id}`, { method: 'PATCH', body, headers: { 'content-type': 'application/json', ...headers } })

  it.each([
    ['an unknown field, by its name', '{"colour":1}', 400, 'unknown-field'],
    ['a field of another type', '{"tags":"a"}', 400, 'invalid-field'],
    ['what is not JSON', '{', 400, 'invalid-json'],
    ['__proto__', '{"__proto__":{"admin":true}}', 400, 'invalid-json'],
    ['__proto__ inside metadata', '{"metadata":{"a":{"__proto__":1}}}', 400, 'invalid-json'],
    [
      'nesting of 10,000',
      `{"metadata":{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`,
      400,
      'invalid-json',
    ],
    ['more than 100 KB', `{"filename":"${'x'.repeat(110_000)}"}`, 413, 'entity-too-large'],
  ])('refuses %s', async (_, body, status, reason) => {
    const { id } = await store.put(PNG)
    const answer = await patch(id, body)
    expect([answer.status, answer.json['reason']]).toEqual([status, reason])
    expect(String(answer.json['detail']).includes('colour')).toBe(reason === 'unknown-field')
    expect((await store.stat(id))?.revision).toBe(1)
  })

  it('refuses another content type with 415', async () => {
    const { id } = await store.put(PNG)
    expect((await patch(id, '{}', { 'content-type': 'text/plain' })).status).toBe(415)
  })

  it('takes the key away with null, and answers 409 for one that is taken', async () => {
    await store.put(png('1'), { at: { key: 'taken' } })
    const { id } = await store.put(PNG, { at: { key: 'mine' } })
    expect((await patch(id, '{"key":"taken"}')).status).toBe(409)
    expect((await patch(id, '{"key":null}')).json['key']).toBeUndefined()
  })

  it('and DELETE take the tag of the content as a condition too', async () => {
    const { id } = await store.put(PNG)
    const etag = String((await wire.ask(`/${id}/content`, { method: 'HEAD' })).headers.etag)
    expect((await patch(id, '{"tags":["a"]}', { 'if-match': etag })).status).toBe(200)
    expect((await patch(id, '{"tags":["b"]}', { 'if-match': '"other"' })).status).toBe(412)
    expect((await wire.ask(`/${id}`, { method: 'DELETE', headers: { 'if-match': '"r1"' } })).status).toBe(412)
    expect((await wire.ask(`/${id}`, { method: 'DELETE', headers: { 'if-match': '"r2"' } })).status).toBe(204)
  })
})

describe('GET of the collection', () => {
  it('filters by what the query names and refuses what it does not know', async () => {
    await store.put(PNG, { tags: ['a'], filename: 'a.png' })
    await store.put(Buffer.from('text'), { tags: ['b'], at: { key: 'b.txt' }, filename: 'b.txt' })
    const count = async (query: string): Promise<number> =>
      ((await wire.ask(`/?${query}`)).json['items'] as unknown[]).length
    expect(await count('tag=a')).toBe(1)
    expect(await count('type=image/*')).toBe(1)
    expect(await count('type=text/plain')).toBe(1)
    expect(await count('key=b.txt')).toBe(1)
    expect(await count('owner=anonymous&state=active')).toBe(2)
    expect(await count('q=b')).toBe(1)
    for (const query of [
      'limit=0',
      'limit=101',
      'limit=1.5',
      'limit=1&limit=2',
      'colour=red',
      'state=odd',
      'link=nocolon',
      'cursor=nonsense',
      'type=x',
    ]) {
      const answer = await wire.ask(`/?${query}`)
      expect([query, answer.status, answer.json['code']]).toEqual([query, 400, 'MEDIA_BAD_INPUT'])
    }
  })
})
