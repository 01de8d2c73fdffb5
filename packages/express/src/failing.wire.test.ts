import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { type Media, MediaError, type MediaReader, type MediaStore } from '@mediakeep/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAccess } from './router/access.ts'
import { mediaRouter } from './router/media-router.ts'
import { memoryMedia, PNG, serve, type Wire } from './wire.fixture.ts'

let store: MediaStore
let media: Media
let errors: unknown[]
let wire: Wire
let disposed: number
let opened: number

/** A store whose readers give what the test says. */
async function serveReader(parts: Partial<MediaReader>, maxStallMs = 0): Promise<Wire> {
  const failing: MediaStore = Object.create(store, {
    open: {
      value: async (_ref: unknown, options?: { range?: MediaReader['range'] }) => {
        opened++
        const range = options?.range ?? { start: 0, endExclusive: media.sizeBytes }
        return {
          media,
          range,
          sizeBytes: range.endExclusive - range.start,
          etag: 'x',
          tier: 'memory',
          buffered: undefined,
          ...parts,
          [Symbol.asyncDispose]: async () => void disposed++,
        }
      },
    },
  })
  wire = await serve(
    mediaRouter(failing, { access: openAccess(), onError: (error) => errors.push(error), maxStallMs }),
  )
  return wire
}

const corrupt = (): MediaError =>
  new MediaError('MEDIA_CORRUPT', 'disk: chunk 3 of /var/lib/media/ab/cd differs')

beforeEach(async () => {
  errors = []
  opened = 0
  disposed = 0
  store = await memoryMedia()
  media = await store.put(Buffer.concat([PNG, Buffer.alloc(1_000_000)]), { filename: 'a.png' })
})
afterEach(async () => {
  if (disposed !== opened) throw new Error(`${opened} readers opened, ${disposed} disposed`)
  await wire.close()
  await store.close()
})

describe('a read that fails', () => {
  it('before its first byte is answered with 500, without the headers of the content', async () => {
    await serveReader({ writeTo: () => Promise.reject(corrupt()) })
    const answer = await wire.ask(`/${media.id}/content`)
    expect([answer.status, answer.json['code']]).toEqual([500, 'MEDIA_CORRUPT'])
    expect(answer.body.toString()).not.toContain('/var/lib')
    for (const name of ['etag', 'accept-ranges', 'content-disposition', 'last-modified'])
      expect(answer.headers[name]).toBeUndefined()
    expect(answer.headers['content-length']).toBe(String(answer.body.length))
    expect(errors).toEqual([expect.objectContaining({ code: 'MEDIA_CORRUPT' })])
  })

  it('of a small range is answered with 500', async () => {
    await serveReader({ bytes: () => Promise.reject(corrupt()) })
    expect((await wire.ask(`/${media.id}/content`, { headers: { range: 'bytes=0-9' } })).status).toBe(500)
  })

  it('after its first byte breaks the connection: never a short body that looks whole', async () => {
    await serveReader({
      async writeTo(destination: Writable) {
        destination.write(PNG)
        await new Promise((resolve) => setImmediate(resolve))
        throw corrupt()
      },
    })
    await expect(wire.ask(`/${media.id}/content`)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(errors).toEqual([expect.objectContaining({ code: 'MEDIA_CORRUPT' })])
  })

  it('in the second of several ranges breaks the connection', async () => {
    let reads = 0
    await serveReader({
      async writeTo(destination: Writable) {
        if (++reads === 2) throw corrupt()
        destination.write(Buffer.alloc(2))
      },
    })
    await expect(
      wire.ask(`/${media.id}/content`, { headers: { range: 'bytes=0-1,5-6' } }),
    ).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('because the bytes are not near is 503 with Retry-After', async () => {
    const cold: MediaStore = Object.create(store, {
      open: {
        value: () => Promise.reject(new MediaError('MEDIA_NOT_READY', 'loading', { retryAfterMs: 2_500 })),
      },
    })
    wire = await serve(mediaRouter(cold, { access: openAccess() }))
    const answer = await wire.ask(`/${media.id}/content`)
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '3'])
  })

  it("because the client left is nobody's error", async () => {
    let stop = (): void => {}
    const stopped = new Promise<void>((resolve) => {
      stop = resolve
    })
    await serveReader({
      async writeTo(destination: Writable) {
        destination.write(PNG)
        await once(destination, 'close')
        stop()
        throw new Error('closed early')
      },
    })
    const socket = await wire.socket()
    socket.write(`GET /${media.id}/content HTTP/1.1\r\nHost: a\r\n\r\n`)
    await once(socket, 'data')
    socket.destroy()
    await stopped
    await expect.poll(() => disposed, { timeout: 5_000 }).toBe(1)
    expect(errors).toEqual([])
  })

  it('because its client takes nothing is ended', async () => {
    await serveReader(
      {
        async writeTo(destination: Writable) {
          while (!destination.destroyed) {
            if (!destination.write(Buffer.alloc(1_000_000)))
              await Promise.race([once(destination, 'drain'), once(destination, 'close')])
          }
          throw new Error('closed early')
        },
      },
      100,
    )
    const socket = await wire.socket()
    socket.pause()
    socket.write(`GET /${media.id}/content HTTP/1.1\r\nHost: a\r\n\r\n`)
    await expect.poll(() => disposed, { timeout: 5_000 }).toBe(1)
    socket.destroy()
  })
})
