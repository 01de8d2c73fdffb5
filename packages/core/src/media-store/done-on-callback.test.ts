import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PassThrough, Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { createGzip, gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { isDoneOnCallback } from './done-on-callback.ts'
import { fixture } from './store.fixture.ts'

const body = randomBytes(3_000_001)

describe('writeTo()', () => {
  it('gives a transform whose reader keeps chunks the bytes it asked for, also of two media at once', async () => {
    const { store } = await fixture({ reads: { cacheBytes: 0 } })
    const media = await Promise.all(
      [body, randomBytes(2_000_003)].map(async (bytes) => ({ bytes, ...(await store.put(bytes)) })),
    )
    for (const one of await Promise.all(
      media.map(async ({ id, bytes }) => {
        const reader = await store.open(id)
        const through = new PassThrough()
        const kept: Buffer[] = []
        const read = (async () => {
          for await (const chunk of through) {
            kept.push(chunk as Buffer)
            await setImmediate()
          }
        })()
        await reader.writeTo(through)
        through.end()
        await read
        return Buffer.concat(kept).equals(bytes)
      }),
    ))
      expect(one).toBe(true)
  })

  it('gives a destination that gathers its chunks the bytes it asked for', async () => {
    const { store } = await fixture({ reads: { cacheBytes: 0 } })
    const { id } = await store.put(body)
    const kept: Buffer[] = []
    const gathering = new Writable({
      write(chunk: Buffer, _encoding, done) {
        kept.push(chunk)
        done()
      },
    })
    await (await store.open(id)).writeTo(gathering)
    expect(Buffer.concat(kept).equals(body)).toBe(true)
  })

  it('gives a compressor the bytes it asked for', async () => {
    const { store } = await fixture({ reads: { cacheBytes: 0 } })
    const { id } = await store.put(body)
    const gzip = createGzip({ level: 1 })
    const kept: Buffer[] = []
    gzip.on('data', (chunk: Buffer) => kept.push(chunk))
    await (await store.open(id)).writeTo(gzip)
    gzip.end()
    await once(gzip, 'end')
    expect(gunzipSync(Buffer.concat(kept)).equals(body)).toBe(true)
  })
})

/** Answers one request with `answer`. @returns the body that arrived */
async function responseOf(answer: (response: ServerResponse) => Promise<void>): Promise<Buffer> {
  const failures: unknown[] = []
  const server = createServer((_request, response) => {
    answer(response).catch((error: unknown) => {
      failures.push(error)
      response.destroy()
    })
  }).listen(0, '127.0.0.1')
  try {
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const [response] = (await once(get({ port, host: '127.0.0.1', agent: false }), 'response')) as [
      IncomingMessage,
    ]
    const kept: Buffer[] = []
    for await (const chunk of response) kept.push(chunk as Buffer)
    return Buffer.concat(kept)
  } finally {
    server.closeAllConnections()
    server.close()
    expect(failures).toEqual([])
  }
}

describe('writeTo() a response that a middleware wrapped', () => {
  it('comes to its end, also when the wrapped write forgets who wants to be called back', async () => {
    const { store } = await fixture({ reads: { cacheBytes: 0 } })
    const { id } = await store.put(body)
    const got = await responseOf(async (response) => {
      const { write } = response
      response.write = (chunk: unknown) => write.call(response, chunk as Buffer, 'utf8')
      await (await store.open(id)).writeTo(response)
      response.end()
    })
    expect(got.equals(body)).toBe(true)
  })

  it('leaves no listener behind', async () => {
    const { store } = await fixture({ reads: { cacheBytes: 0 } })
    const { id } = await store.put(body)
    await responseOf(async (response) => {
      const { write } = response
      response.write = (chunk: unknown) => write.call(response, chunk as Buffer, 'utf8')
      const before = response.listenerCount('drain')
      await (await store.open(id)).writeTo(response)
      expect(response.listenerCount('drain')).toBe(before)
      response.end()
    })
  })
})

describe('isDoneOnCallback()', () => {
  it('trusts the response of a server, and no longer when its write is replaced', async () => {
    const found: boolean[] = []
    await responseOf(async (response) => {
      found.push(isDoneOnCallback(response))
      const { write } = response
      response.write = (chunk: unknown) => write.call(response, chunk as Buffer, 'utf8')
      found.push(isDoneOnCallback(response))
      response.end()
    })
    expect(found).toEqual([true, false])
  })

  it('trusts no transform, and no response that is written to something else than a socket', async () => {
    expect(isDoneOnCallback(new PassThrough())).toBe(false)
    expect(isDoneOnCallback(createGzip())).toBe(false)
    expect(isDoneOnCallback(new ServerResponse({ method: 'GET' } as IncomingMessage))).toBe(false)
  })
})
