import type { MediaStore } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import { type Answer, memoryMedia, namedAccess, PNG, pngWith, serve, type Wire } from './wire.fixture.ts'

const png = pngWith

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

describe('GET of a record', () => {
  it('is answered at the revision that If-Match names, and else with 412', async () => {
    const { id } = await store.put(PNG)
    const ask = async (method: string, tag: string) =>
      (await wire.ask(`/${id}`, { method, headers: { 'if-match': tag } })).status
    for (const method of ['GET', 'HEAD']) {
      expect(await ask(method, '"r1"')).toBe(200)
      expect(await ask(method, '*')).toBe(200)
      expect(await ask(method, '"r2"')).toBe(412)
      expect(await ask(method, 'W/"r1"')).toBe(412)
    }
  })

  it('is 304 at the revision that If-None-Match names, without a body, and 200 at another', async () => {
    const { id } = await store.put(PNG)
    const ask = (method: string, tag: string, more: Record<string, string> = {}): Promise<Answer> =>
      wire.ask(`/${id}`, { method, headers: { 'if-none-match': tag, 'x-request-id': 'mine-304', ...more } })
    for (const method of ['GET', 'HEAD']) {
      for (const tag of ['"r1"', 'W/"r1"', '"r7", "r1"', '*']) {
        const { status, headers, body } = await ask(method, tag)
        expect([tag, status, headers.etag, body.length]).toEqual([tag, 304, '"r1"', 0])
        expect(headers).toMatchObject({ 'cache-control': 'private, no-store', 'x-request-id': 'mine-304' })
        expect(headers).not.toHaveProperty('content-length')
        expect(headers).not.toHaveProperty('content-type')
      }
      expect((await ask(method, '"r2"')).status).toBe(200)
      expect((await ask(method, 'r1')).status).toBe(200)
      expect((await ask(method, '"r1"', { 'if-match': '"r2"' })).status).toBe(412)
    }
    await store.update(id, { tags: ['new'] })
    const { status, headers } = await ask('GET', '"r1"')
    expect([status, headers.etag]).toEqual([200, '"r2"'])
  })

  it('that the asker may not see is 404, whatever they say they have', async () => {
    const { id } = await store.put(PNG, { owner: 'bob' })
    const own = await serve(mediaRouter(store, { access: namedAccess() }))
    try {
      const headers = { authorization: 'as ann', 'if-none-match': '*' }
      expect((await own.ask(`/${id}`, { headers })).status).toBe(404)
    } finally {
      await own.close()
    }
  })
})

describe('GET of the status', () => {
  it('tells when the bytes came in, whatever becomes of the record', async () => {
    const { id, createdAt } = await store.put(PNG)
    const completedAt = async (): Promise<unknown> => (await wire.ask(`/${id}/status`)).json['completedAt']
    expect(await completedAt()).toBe(createdAt.toISOString())
    await expect.poll(() => Date.now()).toBeGreaterThan(createdAt.getTime())
    const { updatedAt } = await store.update(id, { tags: ['new'] })
    expect(updatedAt.getTime()).toBeGreaterThan(createdAt.getTime())
    expect(await completedAt()).toBe(createdAt.toISOString())
    const replaced = await store.put(png('another'), { at: id })
    expect(await completedAt()).toBe(replaced.contentCreatedAt.toISOString())
    expect(replaced.contentCreatedAt.getTime()).toBeGreaterThan(createdAt.getTime())
  })
})

describe('PATCH', () => {
  const patch = (id: string, body: Buffer | string, headers: Record<string, string> = {}): Promise<Answer> =>
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

  it('refuses bytes that are not UTF-8, rather than storing something like them', async () => {
    const { id } = await store.put(PNG)
    const answer = await patch(id, Buffer.from('{"filename":"\xff.png"}', 'latin1'))
    expect([answer.status, answer.json['reason']]).toEqual([400, 'invalid-json'])
    expect((await store.stat(id))?.filename).toBe('file')
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
