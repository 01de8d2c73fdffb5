import { createHash } from 'node:crypto'
import type { MediaStore } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import { type Answer, type Ask, formOf, memoryMedia, PNG, pngWith, serve, type Wire } from './wire.fixture.ts'

const png = pngWith
const sha256 = (bytes: Buffer): string => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`

let store: MediaStore
let wire: Wire
beforeEach(async () => {
  store = await memoryMedia()
  wire = await serve(mediaRouter(store, { access: openAccess() }))
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

  it('refuses an Idempotency-Key that comes with another upload: 409, and nothing of it is kept', async () => {
    const headers = { 'idempotency-key': '"once-2"' }
    const { id } = await post(PNG, { headers })
    const answers = [
      await post(png('longer'), { headers }),
      await wire.ask('/k/elsewhere.png', { method: 'PUT', body: PNG, headers }),
      await post(PNG, { headers }, '/?filename=a.png&key=elsewhere.png'),
    ]
    for (const { status, json } of answers)
      expect([status, json['code'], json['reason']]).toEqual([
        409,
        'MEDIA_CONFLICT',
        'idempotency-key-reused',
      ])
    expect((await wire.ask('/k/elsewhere.png')).status).toBe(404)
    expect((await store.list()).items.map((media) => media.id)).toEqual([id])
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
