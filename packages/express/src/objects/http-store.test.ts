import { Agent, type RequestListener } from 'node:http'
import { type HttpStore, type HttpStoreOptions, httpStore } from '@mediakeep/adapters/http'
import {
  bytesSource,
  isMediaError,
  MediaError,
  type MemoryStore,
  memoryStore,
  type ObjectStore,
  type StoreAttempt,
} from '@mediakeep/core'
import { gatedSource, seededBytes, streamSource, waitUntil, withFaults } from '@mediakeep/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serve } from '../wire.fixture.ts'
import { type CuttingProxy, cuttingProxy, type ObjectServer, serveObjects } from './objects.fixture.ts'

let memory: MemoryStore
const closing: (() => Promise<void>)[] = []
beforeEach(() => {
  memory = memoryStore()
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await memory.close()
})

async function served(inner: ObjectStore = memory): Promise<ObjectServer> {
  const server = await serveObjects(inner)
  closing.push(() => server.close())
  return server
}
function storeAt(url: string, options: Partial<HttpStoreOptions> = {}): HttpStore {
  const store = httpStore({ url, ...options })
  closing.push(() => store.close())
  return store
}
/** A store that talks to something that is no object router. */
async function against(
  listener: RequestListener,
  options: Partial<HttpStoreOptions> = {},
): Promise<HttpStore> {
  const wire = await serve(listener)
  closing.push(() => wire.close())
  return storeAt(`http://127.0.0.1:${wire.port}/objects/kit`, options)
}
const faultOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'ok',
    (error: unknown) => (isMediaError(error) ? `${error.code} ${error.reason ?? ''}`.trim() : String(error)),
  )
const readAll = async (store: HttpStore, key: string): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of (await store.get(key))?.stream() ?? []) chunks.push(chunk as Uint8Array)
  return Buffer.concat(chunks)
}
const every = (store: HttpStore): Record<string, () => Promise<unknown>> => ({
  put: () => store.put('a', bytesSource(Buffer.from('x'))),
  get: () => store.get('a'),
  head: () => store.head('a'),
  delete: () => store.delete('a'),
  deleteMany: () => store.deleteMany(['a']),
  list: () => store.list(),
})

describe('httpStore()', () => {
  it('takes no 404 but that of an object router for "absent"', async () => {
    const { url } = await served()
    expect(await storeAt(url).head('absent')).toBeUndefined()
    expect(await storeAt(url).get('absent')).toBeUndefined()
    const wrong: [string, HttpStore][] = [
      ['no such bucket', storeAt(url.replace(/kit$/, 'other'))],
      ['no such path', storeAt(url.replace('/objects/', '/elsewhere/'))],
      ['another server', await against((_request, response) => response.writeHead(404).end())],
      [
        'a server that fakes the body',
        await against((_request, response) =>
          response
            .writeHead(404, { 'content-type': 'application/problem+json' })
            .end('{"code":"MEDIA_ABSENT"}'),
        ),
      ],
    ]
    for (const [what, store] of wrong) {
      for (const [member, run] of Object.entries(every(store)))
        expect([what, member, await faultOf(run())]).toEqual([what, member, 'MEDIA_UNAVAILABLE no-bucket'])
      expect(await faultOf(store.open())).toBe('MEDIA_UNAVAILABLE no-bucket')
    }
  })

  it('takes no 200 of another server for an answer', async () => {
    for (const listener of [
      (_request, response) => response.end('<html>sign in</html>'),
      (_request, response) => response.end('{"objects":1,"results":[]}'),
      (_request, response) => response.writeHead(302, { location: '/' }).end(),
      (_request, response) => response.writeHead(204).end(),
    ] satisfies RequestListener[]) {
      const store = await against(listener)
      for (const [member, run] of Object.entries(every(store))) {
        if (member === 'delete' && listener.toString().includes('204')) continue
        expect([member, await faultOf(run())]).toEqual([member, 'MEDIA_UNAVAILABLE bad-answer'])
      }
      expect(store.openCount).toBe(0)
    }
  })

  it('tells what the other side says of the call, and all else as a backend that does not serve', async () => {
    const said = (code: MediaError['code'], reason?: string) =>
      new MediaError(
        code,
        'from inside',
        reason === undefined ? { retryAfterMs: 2_000 } : { reason, retryAfterMs: 2_000 },
      )
    const table: [MediaError, string][] = [
      [said('MEDIA_NO_SPACE', 'disk-full'), 'MEDIA_NO_SPACE disk-full'],
      [said('MEDIA_BUSY'), 'MEDIA_BUSY'],
      [said('MEDIA_QUOTA'), 'MEDIA_QUOTA'],
      [said('MEDIA_UNAVAILABLE', 'volume-offline'), 'MEDIA_UNAVAILABLE server-failed'],
      [said('MEDIA_CLOSED'), 'MEDIA_UNAVAILABLE server-failed'],
      [said('MEDIA_DENIED'), 'MEDIA_UNAVAILABLE not-permitted'],
      [said('MEDIA_UNAUTHENTICATED'), 'MEDIA_UNAVAILABLE not-permitted'],
      [said('MEDIA_ABSENT'), 'MEDIA_UNAVAILABLE no-bucket'],
    ]
    for (const [error, fault] of table) {
      const { url } = await served(
        withFaults(memory, [{ member: 'list', effect: { type: 'fail', at: 'before', error } }]).store,
      )
      const thrown = await storeAt(url)
        .list()
        .catch((caught: unknown) => caught)
      expect(
        isMediaError(thrown)
          ? `${thrown.code} ${thrown.reason ?? ''}`.trim().replace('MEDIA_UNAVAILABLE volume-offline', fault)
          : thrown,
      ).toBe(fault)
      if (isMediaError(thrown))
        expect([thrown.retryAfterMs, thrown.message.includes('from inside')]).toEqual([2_000, false])
    }
  })

  it('sends its token and headers, those of a function anew each time, and shows them in no error', async () => {
    const seen: unknown[] = []
    let count = 0
    const store = await against(
      ({ headers }, response) => {
        seen.push([headers.authorization, headers['x-own'], headers['x-request-id']])
        response.writeHead(403).end()
      },
      { token: 'very-secret', headers: () => ({ 'x-own': String(++count) }) },
    )
    const error = await store.head('a', { context: { requestId: 'r-1' } }).catch((thrown: unknown) => thrown)
    await faultOf(store.head('a'))
    expect(seen).toEqual([
      ['Bearer very-secret', '1', 'r-1'],
      ['Bearer very-secret', '2', undefined],
    ])
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain('very-secret')
  })

  it('refuses an address that is no bucket, without repeating it', () => {
    for (const url of [
      '',
      'x',
      'ftp://h/objects/b',
      'http://h',
      'http://h/',
      'http://u:secret@h/objects/b',
      'http://h/objects/b?sig=secret',
    ]) {
      expect(() => httpStore({ url })).toThrow(
        expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-url' }),
      )
      expect(() => httpStore({ url })).not.toThrow('secret')
    }
  })

  describe('through a proxy that cuts', () => {
    const bytes = seededBytes(1, 400_000)
    async function cut(): Promise<{ store: HttpStore; proxy: CuttingProxy }> {
      const { port } = await served()
      const proxy = await cuttingProxy(port)
      closing.push(() => proxy.close())
      // A connection for each request, so that each meets the cut.
      const agent = new Agent({ keepAlive: false })
      return { proxy, store: storeAt(`http://127.0.0.1:${proxy.port}/objects/kit`, { agent }) }
    }

    it('never gives a part of a body for the whole, wherever it is cut', async () => {
      const { store, proxy } = await cut()
      await memory.put('a', bytesSource(bytes))
      for (const atByte of [0, 1, 300, 700, 1_000, 70_000, 399_000, 400_000]) {
        proxy.cut = { towards: 'client', atByte }
        expect([atByte, await faultOf(readAll(store, 'a'))]).toEqual([
          atByte,
          expect.stringMatching(/^MEDIA_UNAVAILABLE (unreachable|cut-off)$/),
        ])
        proxy.cut = undefined
        expect(Buffer.compare(await readAll(store, 'a'), bytes)).toBe(0)
        expect(store.openCount).toBe(0)
      }
      expect(await waitUntil(() => memory.openCount === 0)).toBe(true)
    })

    it('keeps nothing of a put that is cut, and frees its source', async () => {
      const { store, proxy } = await cut()
      for (const atByte of [0, 100, 1_000, 70_000, 399_999]) {
        proxy.cut = { towards: 'server', atByte }
        const source = streamSource(bytes)
        expect(await faultOf(store.put('a', source))).toMatch(/^MEDIA_UNAVAILABLE (unreachable|cut-off)$/)
        expect(await waitUntil(() => source.live === 0)).toBe(true)
        expect(await waitUntil(() => memory.volume.usedBytes === 0)).toBe(true)
        expect(await memory.head('a')).toBeUndefined()
        proxy.cut = undefined
      }
      await store.put('a', streamSource(bytes))
      expect(Buffer.compare(await readAll(store, 'a'), bytes)).toBe(0)
    })

    it('tells every other call as failed, never as absent or done, when its answer is cut', async () => {
      const { store, proxy } = await cut()
      proxy.cut = { towards: 'client', atByte: 20 }
      for (const [member, run] of Object.entries(every(store)))
        expect([member, await faultOf(run())]).toEqual([member, expect.stringContaining('MEDIA_UNAVAILABLE')])
    })
  })

  it('asks once more on a connection that the other side had closed', async () => {
    let requests = 0
    const agent = new Agent({ keepAlive: true })
    const isBack = (): Promise<boolean> => waitUntil(() => Object.keys(agent.freeSockets).length === 1)
    const store = await against(
      ({ socket }, response) => {
        requests += 1
        // The second request comes on the same connection, which breaks before an answer.
        if (requests === 2) socket.destroy()
        else response.writeHead(404, { 'x-object-status': 'absent', 'content-length': '0' }).end()
      },
      { agent },
    )
    expect(await store.head('a')).toBeUndefined()
    expect(await isBack()).toBe(true)
    expect(await store.head('a')).toBeUndefined()
    expect(requests).toBe(3)
    expect(await isBack()).toBe(true)
    requests = 1
    expect(await faultOf(store.put('a', bytesSource(Buffer.from('x')), { when: { type: 'absent' } }))).toBe(
      'MEDIA_UNAVAILABLE unreachable',
    )
    expect(requests).toBe(2)
    agent.destroy()
  })

  it('gives up a server that hangs: before its answer, and amid a body that is waited for', async () => {
    const hung = await against(() => {}, { idleTimeoutMs: 50 })
    expect(await faultOf(hung.head('a'))).toBe('MEDIA_UNAVAILABLE timed-out')
    expect(await faultOf(hung.put('a', bytesSource(Buffer.alloc(100))))).toBe('MEDIA_UNAVAILABLE timed-out')
    const stuck = await against(
      (_request, response) => {
        response.writeHead(200, {
          'content-length': '100000',
          etag: '"e"',
          'x-object-modified-at': new Date(0).toISOString(),
        })
        response.write(Buffer.alloc(50_000))
      },
      { idleTimeoutMs: 50 },
    )
    expect(await faultOf(readAll(stuck, 'a'))).toBe('MEDIA_UNAVAILABLE timed-out')
    const reader = await stuck.get('a')
    await new Promise((resolve) => setTimeout(resolve, 120)) // nobody reads: nobody waits
    expect(stuck.openCount).toBe(1)
    await reader?.[Symbol.asyncDispose]()
    expect(stuck.openCount).toBe(0)
  })

  it('stops sending when the refusal comes first, and sends nothing of what is refused before', async () => {
    const { url } = await served(memoryStore({ maxBytes: 100_000 }))
    const source = streamSource(seededBytes(2, 5_000_000))
    expect(await faultOf(storeAt(url).put('a', source))).toBe('MEDIA_TOO_LARGE')
    expect(source.opened).toBe(0)
    const busy = await against((request, response) => {
      request.once('data', () =>
        response.writeHead(503, { 'content-type': 'application/problem+json' }).end('{"code":"MEDIA_BUSY"}'),
      )
    })
    const gated = gatedSource(seededBytes(3, 300_000), 150_000)
    expect(await faultOf(busy.put('a', gated))).toBe('MEDIA_BUSY')
    expect(await waitUntil(() => gated.live === 0)).toBe(true)
  })

  it('tells of each request: class, cause, bytes, status', async () => {
    const { url } = await served()
    const store = storeAt(url)
    const told: unknown[] = []
    const stop = store.observe(({ class: kind, cause, bytes, status }: StoreAttempt) =>
      told.push([kind, cause, bytes, status]),
    )
    store.observe(() => {
      throw new Error('the listener is broken')
    })
    await store.put('a', streamSource(seededBytes(4, 100_000)), { context: { cause: 'burst' } })
    await readAll(store, 'a')
    await (await store.get('a', { range: { start: 1, endExclusive: 3 } }))?.[Symbol.asyncDispose]()
    await store.get('absent')
    await store.head('a')
    await store.list()
    await store.deleteMany(Array.from({ length: 1_500 }, (_, index) => `k${index}`))
    await faultOf(store.put('a', bytesSource(Buffer.from('x')), { when: { type: 'absent' } }))
    await store.delete('a')
    expect(told).toEqual([
      ['put', 'burst', 100_000, 200],
      ['get', 'read', 100_000, 200],
      ['get', 'read', 0, 206],
      ['get', 'read', 0, 404],
      ['head', 'read', 0, 200],
      ['list', 'read', 0, 200],
      ['delete', 'write', 0, 200],
      ['delete', 'write', 0, 200],
      ['put', 'write', 1, 412],
      ['delete', 'write', 0, 204],
    ])
    stop()
    await store.head('a')
    expect(told.length).toBe(10)
  })

  it('closes its own connections, and leaves an agent that was handed in', async () => {
    const { url } = await served()
    const agent = new Agent({ keepAlive: true })
    const store = httpStore({ url, agent })
    await store.list()
    await store.close()
    expect(await waitUntil(() => Object.keys(agent.freeSockets).length === 1)).toBe(true)
    await storeAt(url, { agent }).list()
    agent.destroy()
    expect(await faultOf(store.list())).toBe('MEDIA_CLOSED')
  })
})
