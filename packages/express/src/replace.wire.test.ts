import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { MediaStore } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import {
  type Answer,
  formOf,
  memoryMedia,
  namedAccess,
  PNG,
  pngWith,
  serve,
  type Wire,
} from './wire.fixture.ts'

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

describe('PUT by key', () => {
  const put = (body: Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
    wire.ask('/k/dir/a.png', { method: 'PUT', body, headers })

  it.each([
    ['everybody may do everything', openAccess()],
    ['owners may', namedAccess()],
  ])('without a condition the last writer wins, however many come at once: %s', async (_, access) => {
    // What is seen is old when it is acted upon: others have written meanwhile.
    const late: MediaStore = Object.create(store, {
      stat: {
        async value(...asked: Parameters<MediaStore['stat']>) {
          const media = await store.stat(...asked)
          await delay(20)
          return media
        },
      },
    })
    const busy = await serve(mediaRouter(late, { access }))
    const headers = { authorization: 'as ann' }
    const writes = Array.from({ length: 12 }, async (__, number) => {
      const body = png(`writer ${number}`)
      const { status } = await busy.ask('/k/busy.png', { method: 'PUT', body, headers })
      return { status, body }
    })
    const answers = await Promise.all(writes)
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([...Array(11).fill(200), 201])
    const kept = (await busy.ask('/k/busy.png', { headers })).body
    expect(answers.some(({ body }) => body.equals(kept))).toBe(true)
    const { items } = await store.list({ key: 'busy.png' })
    expect(items.map(({ revision }) => revision)).toEqual([12])
    await busy.close()
  })

  it('without a condition one that gives up does not hold up those behind it', async () => {
    const busy = await serve(mediaRouter(store, { access: namedAccess() }))
    const headers = { authorization: 'as ann' }
    const put = (body: Buffer) => busy.ask('/k/busy.png', { method: 'PUT', body, headers })
    await put(PNG)
    const denied = busy.ask('/k/busy.png', { method: 'PUT', body: Buffer.from('MZ no picture'), headers })
    const answers = await Promise.all([denied, put(png('2')), put(png('3'))])
    expect(answers.map(({ status }) => status)).toEqual([415, 200, 200])
    await busy.close()
  })

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
