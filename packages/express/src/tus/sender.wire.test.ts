import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { continueOnRead } from '../continue-on-read.ts'
import { PNG, pngWith, writable } from '../wire.fixture.ts'
import { type TusWire, tusWire } from './tus.fixture.ts'

let tus: TusWire

beforeEach(async () => {
  tus = await tusWire({ policies: [{ match: '*', allowUnrecognised: true }] }, { bodyRateWindowMs: 100 })
})
afterEach(() => tus.close())

const head = (path: string, more: string): string =>
  `PATCH ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: as ann\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\n${more}\r\n\r\n`

describe('tus: a sender', () => {
  it('2.3-74 that breaks off leaves what came, and goes on from there', async () => {
    const bytes = pngWith('7'.repeat(1_000_000))
    const path = await tus.begin({ 'upload-length': String(bytes.length) })
    const socket = await tus.wire.socket()
    socket.write(head(path, `Upload-Offset: 0\r\nContent-Length: ${bytes.length}`))
    for (let at = 0; at < 300_000; at += 60_000) {
      if (!socket.write(bytes.subarray(at, at + 60_000))) await writable(socket)
    }
    // All of it has left this side: the end comes behind it.
    socket.end()
    await expect.poll(() => tus.offset(path), { timeout: 5_000 }).toBe(300_000)
    const { status } = await tus.patch(path, 300_000, bytes.subarray(300_000))
    expect(status).toBe(204)
    const { items } = await tus.store.list()
    const reader = await tus.store.open(items[0]?.id ?? '')
    expect(Buffer.from(await reader.bytes({ maxBytes: 2_000_000 })).equals(bytes)).toBe(true)
  })

  it('2.3-75 that dribbles is ended with 408, and what came is kept', async () => {
    const path = await tus.begin({ 'upload-length': '500000' })
    const answer = await tus.wire.raw(head(path, 'Upload-Offset: 0\r\nContent-Length: 500000'), PNG)
    expect(answer).toContain('HTTP/1.1 408 Request Timeout')
    expect(answer).toMatch(/\r\nTus-Resumable: 1\.0\.0\r\n/)
    expect(answer).toMatch(/\r\nConnection: close\r\n/)
    expect(await tus.offset(path)).toBe(PNG.length)
  })

  it('2.3-76 that waits for 100 Continue is refused before it sends a byte', async () => {
    continueOnRead(tus.wire.server)
    const path = await tus.begin({ 'upload-length': '500000' })
    const expecting = (at: string, offset: string): Promise<string> =>
      tus.wire.raw(head(at, `Upload-Offset: ${offset}\r\nContent-Length: 500000\r\nExpect: 100-continue`))
    for (const [answer, status] of [
      [await expecting(path, '5'), 409],
      [await expecting('/media/tus/none', '0'), 404],
      [await expecting(path, 'x'), 400],
    ] as const) {
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      expect(answer).not.toContain('100 Continue')
      expect(answer).toMatch(/\r\nConnection: close\r\n/)
    }
  })

  it('2.3-77 that waits for 100 Continue is told to go on once all is checked', async () => {
    continueOnRead(tus.wire.server)
    const path = await tus.begin({ 'upload-length': String(PNG.length) })
    const socket = await tus.wire.socket()
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
      if (chunk.includes('100 Continue')) socket.write(PNG)
    })
    socket.write(
      head(
        path,
        `Upload-Offset: 0\r\nContent-Length: ${PNG.length}\r\nExpect: 100-continue\r\nConnection: close`,
      ),
    )
    await once(socket, 'close')
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 204 /)
  })

  it('2.3-78 that is refused while it sends is told, and cut off', async () => {
    const path = await tus.begin({ 'upload-length': '5000000' })
    const socket = await tus.wire.socket()
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    socket.write(head(path, 'Upload-Offset: 7\r\nContent-Length: 5000000'))
    for (let sent = 0; sent < 80 && !socket.closed; sent++) {
      if (!socket.write(Buffer.alloc(65_536))) await writable(socket)
    }
    if (!socket.closed) await once(socket, 'close')
    expect(text).toMatch(/^HTTP\/1\.1 409 /)
    expect(text).toMatch(/\r\nConnection: close\r\n/)
    expect(await tus.offset(path)).toBe(0)
  })

  it('2.3-79 beside another at the same upload: exactly one wins', async () => {
    for (let round = 0; round < 10; round++) {
      const bytes = [0, 1, 2, 3].map((n) => pngWith(String(n).repeat(50_000)))
      const path = await tus.begin({ 'upload-length': '1000000' })
      const answers = await Promise.all(bytes.map((piece) => tus.patch(path, 0, piece)))
      const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b)
      expect(statuses[0]).toBe(204)
      for (const status of statuses.slice(1)) expect([409, 423]).toContain(status)
      expect(await tus.offset(path)).toBe(bytes[0]?.length)
    }
  })
})
