import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { memoryCatalog } from '@mediakeep/core'
import { fakeClock } from '@mediakeep/testkit'
import express from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { mediaRouter } from '../router/media-router.ts'
import { namedAccess, PNG, serve, type Wire } from '../wire.fixture.ts'
import { metadataOf, OFFSET_STREAM, type TusWire, tusWire } from './tus.fixture.ts'

const HOUR_MS = 3_600_000
const OPAQUE = [{ match: '*', allowUnrecognised: true }]

let tus: TusWire | undefined

afterEach(async () => {
  await tus?.close()
  tus = undefined
})

describe('tus expiration', () => {
  it('2.3-80 an upload whose time is over is 410, and no longer takes anything', async () => {
    const clock = fakeClock()
    tus = await tusWire({ clock, catalog: memoryCatalog({ clock }) })
    const path = await tus.begin({ 'upload-length': '100' }, 'ab')
    clock.advance(25 * HOUR_MS)
    for (const method of ['HEAD', 'PATCH', 'DELETE']) {
      const { status, headers } = await tus.ask(path, {
        method,
        headers: { ...OFFSET_STREAM, 'upload-offset': '2' },
      })
      expect([method, status, headers['upload-offset']]).toEqual([method, 410, undefined])
    }
  })

  it('2.3-81 bytes keep an upload alive, and PATCH tells until when; a piece of none keeps nothing alive', async () => {
    const clock = fakeClock()
    tus = await tusWire({ clock, catalog: memoryCatalog({ clock }), policies: OPAQUE })
    const path = await tus.begin({ 'upload-length': '100' })
    const expiresMs = async (body: string, offset: number): Promise<number> => {
      clock.advance(10 * HOUR_MS)
      const answer = await tus?.patch(path, offset, body)
      return Date.parse(String(answer?.headers['upload-expires'])) - clock.now()
    }
    expect(await expiresMs('', 0)).toBe(14 * HOUR_MS)
    expect(await expiresMs('ab', 0)).toBe(24 * HOUR_MS)
    expect(await expiresMs('', 2)).toBe(14 * HOUR_MS)
  })

  it('2.3-82 an upload that is complete has no end', async () => {
    tus = await tusWire()
    const path = await tus.begin({ 'upload-length': String(PNG.length) })
    const { headers } = await tus.patch(path, 0, PNG)
    expect(headers['upload-expires']).toBeUndefined()
  })
})

describe('tus termination', () => {
  it('is 410 for a piece that is under way, which nobody is to send again', async () => {
    tus = await tusWire({ policies: OPAQUE })
    const path = await tus.begin({ 'upload-length': '10' })
    const socket = await tus.wire.socket()
    const answered = text(socket)
    const accepted = once(tus.wire.server, 'request')
    const head = `PATCH ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: as ann\r\nTus-Resumable: 1.0.0\r\n`
    const type = 'Content-Type: application/offset+octet-stream\r\n'
    socket.write(`${head}${type}Upload-Offset: 0\r\nContent-Length: 10\r\n\r\nhello`)
    await accepted
    expect((await tus.ask(path, { method: 'DELETE' })).status).toBe(204)
    socket.write('there')
    const answer = await answered
    expect(answer).toContain('HTTP/1.1 410 ')
    expect(answer).toContain('"reason":"upload-ended"')
    expect(await tus.store.uploads.list()).toEqual([])
  })
})

describe('tus completion', () => {
  it('2.3-83 an upload with all its bytes that is no media yet becomes one with HEAD', async () => {
    let isAway = false
    const { authenticate } = namedAccess()
    const authorize = (): boolean => {
      if (isAway) throw new Error('the rule cannot be asked')
      return true
    }
    tus = await tusWire({}, { access: { authenticate, authorize } })
    const path = await tus.begin({ 'upload-length': String(PNG.length) })
    isAway = true
    expect((await tus.patch(path, 0, PNG)).status).toBe(500)
    const away = await tus.ask(path, { method: 'HEAD' })
    expect([away.status, away.headers['upload-offset']]).toEqual([500, undefined])
    isAway = false
    expect(await tus.offset(path)).toBe(PNG.length)
    expect((await tus.store.list()).items).toMatchObject([{ sizeBytes: PNG.length }])
  })

  it('2.3-84 is the same however often it is asked for', async () => {
    tus = await tusWire()
    const path = await tus.begin({ 'upload-length': String(PNG.length) }, PNG)
    const { headers } = await tus.ask(path, { method: 'HEAD' })
    for (let n = 0; n < 3; n++) {
      const again = await tus.patch(path, PNG.length, '')
      expect(again.headers['upload-media-id']).toBe(headers['upload-media-id'])
    }
    expect((await tus.store.list()).items).toMatchObject([{ id: headers['upload-media-id'] }])
  })

  it('2.3-85 looks at the whole, in however small pieces it came', async () => {
    tus = await tusWire()
    const metadata = metadataOf({ filename: 'a.png', filetype: 'image/png' })
    const bytes = Buffer.from('<!doctype html><p>')
    const path = await tus.begin({ 'upload-length': String(bytes.length), 'upload-metadata': metadata })
    const statuses: number[] = []
    for (let at = 0; at < bytes.length; at++) {
      statuses.push((await tus.patch(path, at, bytes.subarray(at, at + 1))).status)
    }
    expect(statuses.at(-1)).toBe(415)
    expect((await tus.store.list()).items).toEqual([])
    expect((await tus.ask(path, { method: 'HEAD' })).status).toBe(410)
  })

  it('2.3-86 whose key was taken meanwhile is 409', async () => {
    tus = await tusWire()
    const metadata = metadataOf({ key: 'a.png' })
    const path = await tus.begin({ 'upload-length': String(PNG.length), 'upload-metadata': metadata })
    await tus.store.put(PNG, { at: { key: 'a.png' }, owner: 'ann' })
    const { status, json } = await tus.patch(path, 0, PNG)
    expect([status, json['reason']]).toEqual([409, 'key-taken'])
    expect((await tus.store.list()).items).toHaveLength(1)
  })
})

describe('tus: bounds', () => {
  it('2.13-tus-01 an owner has so many uploads open and no more: 429', async () => {
    tus = await tusWire()
    const statuses = new Map<number, number>()
    for (let n = 0; n < 110; n++) {
      const { status, headers } = await tus.ask('/media/tus', {
        method: 'POST',
        headers: { 'upload-length': '5' },
      })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      if (status === 429) expect(headers['retry-after']).toBeDefined()
    }
    expect([...statuses]).toEqual([
      [201, 100],
      [429, 10],
    ])
    const other = await tus.ask('/media/tus', {
      method: 'POST',
      headers: { 'upload-length': '5', authorization: 'as bob' },
    })
    expect(other.status).toBe(201)
  })

  it('2.13-tus-02 a sender that stands still gives way to the next, and what it sent is kept', async () => {
    tus = await tusWire({ policies: OPAQUE })
    const path = await tus.begin({ 'upload-length': '10' })
    const socket = await tus.wire.socket()
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    socket.write(
      `PATCH ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: as ann\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: 10\r\n\r\nhello`,
    )
    await expect
      .poll(() => tus?.patch(path, 5, 'world').then(({ status }) => status), { timeout: 15_000 })
      .toBe(204)
    expect(await tus.offset(path)).toBe(10)
    await expect.poll(() => text).toMatch(/^HTTP\/1\.1 423 /)
    socket.destroy()
  })
})

describe('tus: under a framework', () => {
  let wire: Wire | undefined

  afterEach(() => wire?.close())

  it('2.3-87 addresses are those of the mount', async () => {
    tus = await tusWire()
    const app = express()
    app.use('/api/files', mediaRouter(tus.store, { access: namedAccess() }))
    wire = await serve(app)
    const headers = { 'tus-resumable': '1.0.0', authorization: 'as ann' }
    const post = (more: Record<string, string>): ReturnType<Wire['ask']> | undefined =>
      wire?.ask('/api/files/tus/', { method: 'POST', headers: { ...headers, ...more } })
    const part = await post({ 'upload-length': '0', 'upload-concat': 'partial' })
    expect(part?.headers.location).toMatch(/^\/api\/files\/tus\/[A-Za-z0-9_-]+$/)
    const whole = await wire.ask('/api/files/tus', {
      method: 'POST',
      headers: { ...headers, ...OFFSET_STREAM, 'upload-length': String(PNG.length) },
      body: PNG,
    })
    expect(whole.headers['content-location']).toMatch(/^\/api\/files\/[0-9a-f-]{36}$/)
    const content = await wire.ask(`${String(whole.headers['content-location'])}/content`, { headers })
    expect(content.body).toEqual(PNG)
  })
})
