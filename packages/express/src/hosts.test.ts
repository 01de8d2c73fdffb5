import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createRequire } from 'node:module'
import middie from '@fastify/middie'
import type { MediaStore } from '@mediakeep/core'
import express from 'express'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAccess } from './router/access.ts'
import { type MediaHandler, type MediaRouterOptions, mediaRouter } from './router/media-router.ts'
import { type Answer, formOf, memoryMedia, PNG, pngWith, type Wire, wireOf } from './wire.fixture.ts'

type Mountable = RequestListener & { use(path: string, handler: MediaHandler): unknown }
const require = createRequire(import.meta.url)
const express4 = require('express4') as () => Mountable
const connect = require('connect') as () => Mountable

type RouterOf = (options?: Partial<MediaRouterOptions>) => MediaHandler
const hosts: readonly (readonly [string, (router: RouterOf) => Promise<Server> | Server])[] = [
  ['bare node:http', (router) => createServer(router({ basePath: '/media' }))],
  ['Express 5', (router) => createServer(express().use('/media', router()))],
  [
    'Express 5, two mounts deep',
    (router) => createServer(express().use('/', express.Router().use('/media', router()))),
  ],
  [
    'Express 4',
    (router) => {
      const app = express4()
      app.use('/media', router())
      return createServer(app)
    },
  ],
  [
    'Connect',
    (router) => {
      const app = connect()
      app.use('/media', router())
      return createServer(app)
    },
  ],
  [
    'Fastify with middie',
    async (router) => {
      const app = fastify()
      await app.register(middie)
      app.use('/media', router())
      app.get('/other', () => 'ok')
      await app.listen({ port: 0, host: '127.0.0.1' })
      return app.server
    },
  ],
]

describe.each(hosts)('mediaRouter under %s', (_, mount) => {
  let store: MediaStore
  let wire: Wire

  beforeAll(async () => {
    store = await memoryMedia()
    const server = await mount((options) => mediaRouter(store, { access: openAccess(), ...options }))
    if (!server.listening) {
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
    }
    wire = await wireOf(server)
  })
  afterAll(async () => {
    await wire.close()
    await store.close()
  })

  const put = async (name: string): Promise<string> => {
    const form = formOf([['file', pngWith(name), `${name}.png`, 'image/png']])
    const answer = await wire.ask('/media', { method: 'POST', ...form })
    expect(answer.status).toBe(201)
    return answer.id
  }

  it('POST of a form answers 201 with the media and where it is', async () => {
    const form = formOf([
      ['tags', 'a,b'],
      ['file', PNG, 'photo.png', 'image/png'],
      ['visibility', 'public'],
      ['metadata', '{"place":"Oslo"}'],
      ['links', '[{"kind":"recipe","target":"42"}]'],
    ])
    const answer = await wire.ask('/media', { method: 'POST', ...form })
    expect(answer.status).toBe(201)
    expect(answer.json).toMatchObject({
      sizeBytes: PNG.length,
      contentType: 'image/png',
      filename: 'photo.png',
      owner: 'anonymous',
      visibility: 'public',
      tags: ['a', 'b'],
      metadata: { place: 'Oslo' },
      links: [{ kind: 'recipe', target: '42' }],
      state: 'active',
      availability: 'ready',
      tier: 'memory',
      revision: 1,
    })
    expect(answer.headers.location).toBe(`/media/${answer.id}`)
    expect(answer.headers['x-request-id']).toMatch(/^[\w.-]+$/)
    const record = await wire.ask(String(answer.headers.location))
    expect(record.json).toEqual(answer.json)
  })

  it('POST with a slash behind the mount does the same', async () => {
    const answer = await wire.ask('/media/?filename=a.png', { method: 'POST', body: PNG })
    expect(answer.status).toBe(201)
    expect(answer.headers.location).toBe(`/media/${answer.id}`)
  })

  it('GET of the content answers the bytes, a range of them, and 304', async () => {
    const bytes = pngWith('read')
    const id = await put('read')
    const whole = await wire.ask(`/media/${id}/content`)
    expect(whole.status).toBe(200)
    expect(whole.body).toEqual(bytes)
    const part = await wire.ask(`/media/${id}/content`, { headers: { range: 'bytes=-4' } })
    expect([part.status, part.body, part.headers['content-range']]).toEqual([
      206,
      bytes.subarray(-4),
      `bytes ${bytes.length - 4}-${bytes.length - 1}/${bytes.length}`,
    ])
    const same = await wire.ask(`/media/${id}/content`, {
      headers: { 'if-none-match': String(whole.headers.etag) },
    })
    expect([same.status, same.body.length]).toEqual([304, 0])
    const head = await wire.ask(`/media/${id}/content`, { method: 'HEAD' })
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
      200,
      String(bytes.length),
      0,
    ])
    const download = await wire.ask(`/media/${id}/download`)
    expect(download.headers['content-disposition']).toBe('attachment; filename="read.png"')
  })

  it('PUT by key creates with 201, replaces with 200, and is read by key', async () => {
    const first = await wire.ask('/media/k/a/b/photo.png', { method: 'PUT', body: PNG })
    expect([first.status, first.json['key'], first.headers.location]).toEqual([
      201,
      'a/b/photo.png',
      `/media/${first.id}`,
    ])
    const second = await wire.ask('/media/k/a/b/photo.png', {
      method: 'PUT',
      body: pngWith('another'),
    })
    expect([second.status, second.json['id']]).toEqual([200, first.json['id']])
    const read = await wire.ask('/media/k/a/b/photo.png')
    expect(read.body).toEqual(pngWith('another'))
  })

  it('lists by cursor with Link rel=next below the mount', async () => {
    for (const name of ['one', 'two', 'three']) await put(name)
    const seen: unknown[] = []
    let path: string | undefined = '/media?limit=2'
    while (path !== undefined) {
      const page: Awaited<ReturnType<Wire['ask']>> = await wire.ask(path)
      expect(page.status).toBe(200)
      seen.push(...(page.json['items'] as { id: string }[]).map((item) => item.id))
      const next = /^<([^>]+)>; rel="next"$/.exec(String(page.headers['link'] ?? ''))?.[1]
      expect(next !== undefined).toBe(page.json['nextCursor'] !== undefined)
      expect(next ?? '/media?').toMatch(/^\/media\?/)
      path = next
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.length).toBeGreaterThanOrEqual(3)
  })

  it('changes, links and deletes a record', async () => {
    const id = await put('change')
    const patch = {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', 'if-match': '"r1"' },
      body: '{"tags":["x"],"key":"named/one"}',
    }
    const changed = await wire.ask(`/media/${id}`, patch)
    expect([changed.status, changed.json['tags'], changed.json['key'], changed.headers.etag]).toEqual([
      200,
      ['x'],
      'named/one',
      '"r2"',
    ])
    expect((await wire.ask(`/media/${id}`, patch)).status).toBe(412)
    expect((await wire.ask(`/media/${id}/links/recipe/42%2Fstep%2F3`, { method: 'PUT' })).status).toBe(204)
    const linked = await wire.ask('/media/links/recipe/42%2Fstep%2F3')
    expect((linked.json['items'] as { id: string }[]).map((item) => item.id)).toEqual([id])
    expect((await wire.ask(`/media/${id}/links/recipe/42%2Fstep%2F3`, { method: 'DELETE' })).status).toBe(204)
    expect((await wire.ask('/media/links/recipe/42%2Fstep%2F3')).json).toEqual({ items: [] })
    expect((await wire.ask(`/media/${id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await wire.ask(`/media/${id}`)).status).toBe(404)
  })

  it('answers status, availability and warm', async () => {
    const id = await put('status')
    expect((await wire.ask(`/media/${id}/status`)).json).toMatchObject({ state: 'active', progress: 1 })
    expect((await wire.ask(`/media/${id}/availability`)).json).toMatchObject({
      state: 'ready',
      tier: 'memory',
    })
    expect((await wire.ask(`/media/${id}/warm`, { method: 'POST' })).json).toMatchObject({ state: 'ready' })
    const none = await wire.ask('/media/018f0000-0000-7000-8000-000000000000/availability')
    expect([none.status, none.json]).toEqual([200, { state: 'missing' }])
  })

  it('takes a presigned body, and one in chunks, at the addresses that it tells', async () => {
    const text = Buffer.from('a note of this host')
    for (const mode of ['presigned', 'chunked'] as const) {
      const begun = await wire.ask('/media/uploads', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ filename: 'a.txt', contentType: 'text/plain', sizeBytes: text.length, mode }),
      })
      expect(begun.status).toBe(201)
      const url = String(begun.json['url'])
      expect(url).toMatch(/^\/media\/uploads\//)
      const put = (path: string): Promise<Answer> => wire.ask(path, { method: 'PUT', body: text })
      if (mode === 'presigned') expect((await put(url)).status).toBe(201)
      else {
        expect((await put(`${url}/chunks/0`)).status).toBe(200)
        expect((await wire.ask(url)).json).toMatchObject({ progress: 1 })
        expect((await wire.ask(`${url}/complete`, { method: 'POST' })).status).toBe(201)
      }
      const content = await wire.ask(`/media/${String(begun.json['mediaId'])}/content`)
      expect(content.body).toEqual(text)
    }
  })

  it('answers failures as problem+json with the request id it was given', async () => {
    const answer = await wire.ask('/media/nothing', { headers: { 'x-request-id': 'given-1' } })
    expect(answer.status).toBe(404)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.headers['x-request-id']).toBe('given-1')
    expect(answer.json).toMatchObject({ status: 404, code: 'MEDIA_ABSENT', requestId: 'given-1' })
  })

  it('answers 405 with Allow', async () => {
    const answer = await wire.ask('/media', { method: 'DELETE' })
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD, POST'])
  })
})

describe('mediaRouter', () => {
  it('throws at construction without access', async () => {
    const store = await memoryMedia()
    // @ts-expect-error: access is required
    expect(() => mediaRouter(store, {})).toThrow(/access is required/)
    // @ts-expect-error: options are required
    expect(() => mediaRouter(store)).toThrow(/access is required/)
    await store.close()
  })

  it('reads a JSON body that a parser in front of it has read already', async () => {
    const store = await memoryMedia()
    const app = express()
      .use(express.json())
      .use('/media', mediaRouter(store, { access: openAccess() }))
    const wire = await wireOf(createServer(app))
    const media = await store.put(PNG)
    const answer = await wire.ask(`/media/${media.id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: '{"tags":["t"]}',
    })
    expect([answer.status, answer.json['tags']]).toEqual([200, ['t']])
    await wire.close()
    await store.close()
  })

  it('reports a media body that a parser in front of it has read, instead of waiting for it', async () => {
    const store = await memoryMedia()
    const errors: unknown[] = []
    const router = mediaRouter(store, { access: openAccess(), onError: (error) => errors.push(error) })
    const app = express()
      .use(express.raw({ type: () => true }))
      .use('/media', router)
    const wire = await wireOf(createServer(app))
    const answer = await wire.ask('/media', { method: 'POST', body: PNG })
    expect([answer.status, errors.length]).toEqual([500, 1])
    await wire.close()
    await store.close()
  })
})
