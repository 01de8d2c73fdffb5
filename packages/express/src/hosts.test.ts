import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createRequire } from 'node:module'
import middie from '@fastify/middie'
import type { MediaStore } from '@mediakeep/core'
import { Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import express from 'express'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { healthRouter } from './health/health-router.ts'
import { openAccess } from './router/access.ts'
import { type MediaHandler, type MediaRouterOptions, mediaRouter } from './router/media-router.ts'
import { type Answer, formOf, memoryMedia, PNG, pngWith, type Wire, wireOf } from './wire.fixture.ts'

type Mountable = RequestListener & { use(path: string, handler: MediaHandler): unknown }
const require = createRequire(import.meta.url)
const express4 = require('express4') as () => Mountable
const connect = require('connect') as () => Mountable
const compression = require('compression') as () => Handler
// As it is beneath express-session, morgan and compression before 2025.
const onHeaders = require('on-headers') as (response: ServerResponse, listener: () => void) => void

type Handler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void

class NestApp {}
Module({})(NestApp)

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
  [
    'NestJS on Express',
    async (router) => {
      const app = await NestFactory.create(NestApp, { logger: false })
      app.setGlobalPrefix('api')
      app.use('/media', router())
      await app.listen(0, '127.0.0.1')
      return app.getHttpServer()
    },
  ],
  [
    'NestJS on Fastify',
    async (router) => {
      const app = await NestFactory.create(NestApp, new FastifyAdapter(), { logger: false })
      app.use('/media', router())
      await app.listen(0, '127.0.0.1')
      return app.getHttpServer()
    },
  ],
  [
    'a listener that hands on what is not below basePath',
    (router) => {
      const media = router({ basePath: '/media' })
      return createServer((request, response) => media(request, response, () => response.end('another')))
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

  it('takes a file of JSON as it is, and one by tus in two pieces', async () => {
    const json = '{ "a": 1 }'
    const created = await wire.ask('/media?filename=a.json', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: json,
    })
    expect(created.status).toBe(201)
    expect(String((await wire.ask(`/media/${created.id}/content`)).body)).toBe(json)

    const tus = { 'tus-resumable': '1.0.0' }
    const begun = await wire.ask('/media/tus', {
      method: 'POST',
      headers: { ...tus, 'upload-length': '10', 'upload-metadata': 'filename YS50eHQ=' },
    })
    const place = String(begun.headers.location)
    expect([begun.status, place.startsWith('/media/tus/')]).toEqual([201, true])
    for (const [offset, body] of ['first', 'again'].entries()) {
      const sent = await wire.ask(place, {
        method: 'PATCH',
        headers: {
          ...tus,
          'upload-offset': String(offset * 5),
          'content-type': 'application/offset+octet-stream',
        },
        body,
      })
      expect([sent.status, sent.headers['upload-offset']]).toEqual([204, String(offset * 5 + 5)])
    }
  })

  it('a refusal reaches a sender in the middle of a large body', async () => {
    const answer = await wire.ask('/media?visibility=nobody', {
      method: 'POST',
      body: Buffer.alloc(3_000_000),
    })
    expect([answer.status, answer.json['code']]).toEqual([400, 'MEDIA_BAD_INPUT'])
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

  it('reports a media body that something in front of it has read, in part or as text, instead of waiting for it', async () => {
    const store = await memoryMedia()
    const errors: unknown[] = []
    const router = mediaRouter(store, { access: openAccess(), onError: (error) => errors.push(error) })
    const readers: Record<string, Handler> = {
      raw: express.raw({ type: () => true }) as Handler,
      json: express.json() as Handler,
      listener: (request, _, next) => void request.once('data', () => setImmediate(next)),
      text: (request, _, next) => {
        request.setEncoding('utf8')
        next()
      },
    }
    for (const [name, reader] of Object.entries(readers)) {
      const wire = await wireOf(createServer(express().use(reader).use('/media', router)))
      for (const coding of [{}, { 'transfer-encoding': 'chunked' }] as Record<string, string>[]) {
        const answer = await wire.ask('/media?filename=a.json', {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...coding },
          body: '{"a":1}',
        })
        expect([answer.status, answer.json['code'], answer.json['reason']], name).toEqual([
          501,
          'MEDIA_UNSUPPORTED',
          'body-already-read',
        ])
      }
      await wire.close()
    }
    expect(errors).toHaveLength(8)
    expect((await store.list()).items).toEqual([])
    await store.close()
  })
})

describe('middleware in front of mediaRouter', () => {
  let store: MediaStore
  beforeAll(async () => {
    store = await memoryMedia()
  })
  afterAll(() => store.close())

  const behind = (...handlers: Handler[]): Promise<Wire> => {
    const app = express()
    for (const handler of handlers) app.use(handler)
    app.use('/health', healthRouter(store))
    return wireOf(createServer(app.use('/media', mediaRouter(store, { access: openAccess() }))))
  }

  it('that pauses a request while it looks something up does not keep its body back', async () => {
    const wire = await behind((request, _, next) => {
      request.pause()
      setImmediate(next)
    })
    const answer = await wire.ask('/media?filename=a.png', { method: 'POST', body: pngWith('paused') })
    expect(answer.status).toBe(201)
    await wire.close()
  })

  it('that listens for headers leaves every header where it was', async () => {
    const media = await store.put(pngWith('headers'))
    const plain = await behind()
    const wire = await behind((_, response, next) => {
      onHeaders(response, () => response.setHeader('set-cookie', 'session=1'))
      next()
    })
    const part = { headers: { range: 'bytes=0-3' } }
    const paths = [`/${media.id}/content`, `/${media.id}`, '/none', `/${media.id}/availability`]
    for (const path of [...paths.map((below) => `/media${below}`), '/health/healthz']) {
      for (const how of [{}, part, { method: 'HEAD' }, { method: 'OPTIONS' }]) {
        const expected = await plain.ask(path, how)
        const answer = await wire.ask(path, how)
        expect(answer.headers['set-cookie']).toEqual(['session=1'])
        const { date: _date, 'x-request-id': id, 'set-cookie': _cookie, ...headers } = answer.headers
        const { date: _other, 'x-request-id': _id, ...before } = expected.headers
        expect([answer.status, headers], path).toEqual([expected.status, before])
        expect(id).toMatch(/^[\w.-]+$/)
      }
    }
    await plain.close()
    await wire.close()
  })

  it('that varies answers by origin is named in Vary beside the credentials', async () => {
    const media = await store.put(Buffer.from('x'.repeat(100_000)), { filename: 'vary.txt' })
    const wire = await behind((_, response, next) => {
      response.setHeader('Vary', 'Origin, cookie')
      next()
    })
    for (const headers of [{}, { range: 'bytes=0-9' }] as Record<string, string>[]) {
      const answer = await wire.ask(`/media/${media.id}/content`, { headers })
      expect(answer.headers.vary).toBe('Origin, cookie, Authorization')
    }
    await wire.close()
  })

  it('that compresses leaves contents and their parts as they are stored', async () => {
    const text = Buffer.from('all work and no play '.repeat(10_000))
    const media = await store.put(text, { filename: 'long.txt' })
    const small = await store.put(text.subarray(0, 4_000), { filename: 'short.txt' })
    const wire = await behind(compression())
    const coded = { 'accept-encoding': 'gzip' }
    for (const [id, bytes] of [
      [media.id, text],
      [small.id, text.subarray(0, 4_000)],
    ] as const) {
      const whole = await wire.ask(`/media/${id}/content`, { headers: coded })
      expect([whole.status, whole.headers['content-encoding'], whole.headers['content-length']]).toEqual([
        200,
        undefined,
        String(bytes.length),
      ])
      expect(whole.body.equals(bytes)).toBe(true)
      const part = await wire.ask(`/media/${id}/content`, { headers: { ...coded, range: 'bytes=1000-3999' } })
      expect([part.status, part.headers['content-encoding']]).toEqual([206, undefined])
      expect(part.body.equals(bytes.subarray(1_000, 4_000))).toBe(true)
    }
    expect((await wire.ask('/media', { headers: coded })).headers['content-encoding']).toBe('gzip')
    await wire.close()
  })
})
