import { once } from 'node:events'
import { type MediaEvent, type MediaStore, memoryStore } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import { memoryMedia, PNG, serve, type Wire, writable } from './wire.fixture.ts'

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

  it('2.13-02 and dribbles is ended with 408', async () => {
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

describe('a transfer coding', () => {
  it.each([
    ['gzip, chunked', 501],
    ['Deflate, Chunked', 501],
    ['chunked, gzip', 400],
  ])('of %s is refused with %i: the bytes stored would not be the bytes meant', async (coding, status) => {
    const answer = await wire.raw(
      `POST /?filename=a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: ${coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    )
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect((await store.list()).items).toEqual([])
  })

  it('of chunked with extensions and trailers gives the bytes alone', async () => {
    const answer = await wire.raw(
      'POST /?filename=a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=b\r\nhello\r\n0;c\r\nX-Trailer: y\r\n\r\n',
    )
    expect(answer).toContain(' 201 ')
    expect((await store.list()).items[0]).toMatchObject({ sizeBytes: 5, contentType: 'text/plain' })
  })
})

describe('a connection', () => {
  const last = 'GET /?limit=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

  it.each([
    ['a method that is not there', 'DELETE / HTTP/1.1', 405],
    ['a path that is not there', 'GET /none HTTP/1.1', 404],
    ['a type that is not what the bytes are', 'POST /?filename=a.png HTTP/1.1', 415],
    ['a bad key', 'POST /?key=.. HTTP/1.1', 400],
    ['a condition that does not hold', 'PUT /k/none HTTP/1.1\r\nIf-Match: *', 412],
  ])('is good for the next request after %s', async (_, head, status) => {
    const answer = await wire.raw(`${head}\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${last}`)
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual([`HTTP/1.1 ${status}`, 'HTTP/1.1 200'])
  })

  it.each(['GET', 'HEAD'])('is closed after a %s whose body is not taken in', async (method) => {
    await store.put(PNG, { at: { key: 'a.png' } })
    const answer = await wire.raw(
      `${method} /k/a.png HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000000\r\n\r\n`,
    )
    expect(answer).toContain('HTTP/1.1 200 OK')
    expect(answer).toMatch(/\r\nConnection: close\r\n/)
  })

  it.each([
    ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
    ['a length with a sign', 'Content-Length: +5'],
    ['a folded coding', 'Transfer-Encoding:\r\n chunked'],
    ['a space before the colon', 'Transfer-Encoding : chunked'],
    ['an unknown coding', 'Transfer-Encoding: xchunked'],
  ])('with a body of %s is closed: what follows is never taken for a request', async (_, framing) => {
    const smuggled = '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
    const answer = await wire.raw(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${smuggled}`)
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 400'])
    expect((await store.list()).items).toEqual([])
  })
})
