import type { MediaStore } from '@mediakeep/core'
import { createGate, type Gate } from '@mediakeep/envoy'
import { memoryMediaStore } from '@mediakeep/testkit'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { configFault, freePorts, missingEnvoyReason } from '../../scripts/envoy.mjs'
import { describeUnless } from '../describe-unless.ts'
import { type Answer, type AskOptions, askHttp1, askHttp2 } from './client.ts'
import { changed, configOn, withCache, withoutNormalising, withRoute } from './config.ts'
import {
  ETAG,
  forward,
  MISSING,
  OBJECT,
  type Stage,
  type StageOptions,
  scripted,
  startSilence,
  startStage,
} from './stage.ts'

const missing = missingEnvoyReason()

/** A stage of its own for each test of a block. */
function onStage(options: StageOptions = {}): {
  readonly stage: Stage
  ask(target: string, more?: AskOptions): Promise<Answer>
} {
  let running: Stage | undefined
  const current = (): Stage => {
    if (running === undefined) throw new Error('the stage did not start')
    return running
  }
  beforeAll(async () => {
    running = await startStage(options)
  })
  afterAll(async () => running?.close())
  beforeEach(() => running?.forget())
  return {
    get stage() {
      return current()
    },
    ask: (target, more) => askHttp1(current().port, target, more),
  }
}

describeUnless(missing, 'the shipped configuration', () => {
  it('is one that Envoy takes', () => {
    expect(configFault(configOn({ listener: 1, admin: 2, gate: 3, storage: 4 }))).toBeUndefined()
    expect(configFault('static_resources: { listeners: nonsense }')).toBeDefined()
  })
})

describeUnless(missing, 'ready media behind Envoy', () => {
  const here = onStage({
    check: (request) =>
      request.target.startsWith('/rewritten')
        ? forward({
            path: '/bucket/ab/abc?X-Signature=1',
            requestHeaders: ['authorization', 'AWS4-HMAC-SHA256 x', 'x-media-state', 'ready'],
            removeRequestHeaders: ['cookie'],
            responseHeaders: ['x-content-type-options', 'nosniff', 'cache-control', 'private'],
            replaceResponseHeaders: ['etag', '"ours"', 'x-absent', 'not added'],
          })
        : scripted(request),
  })

  it('is served by the storage, whole, in part, by HEAD and by condition', async () => {
    expect(await here.ask('/media/ready')).toMatchObject({ status: 200, body: OBJECT.toString() })
    const part = await here.ask('/media/ready', { headers: ['range: bytes=2-4'] })
    expect(part).toMatchObject({ status: 206, body: '234', headers: { 'content-range': 'bytes 2-4/10' } })
    const head = await here.ask('/media/ready', { method: 'HEAD' })
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '10' } })
    expect(await here.ask('/media/ready', { headers: [`if-none-match: ${ETAG}`] })).toMatchObject({
      status: 304,
      body: '',
    })
    expect(here.stage.asked).toHaveLength(4)
    expect((await askHttp2(here.stage.port, '/media/ready')).body).toBe(OBJECT.toString())
  })

  it('is asked for under the path that the gate says, with its headers and without what it takes off', async () => {
    const answer = await here.ask('/rewritten?versionId=1', {
      headers: ['cookie: session=1', 'authorization: Bearer client', 'x-media-state: forged'],
    })
    expect(here.stage.seen).toMatchObject([
      {
        url: '/bucket/ab/abc?X-Signature=1',
        headers: { authorization: 'AWS4-HMAC-SHA256 x', 'x-media-state': 'ready' },
      },
    ])
    expect(here.stage.seen[0]?.headers.cookie).toBeUndefined()
    expect(here.stage.seen[0]?.headers.host).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(answer.headers).toMatchObject({
      etag: '"ours"',
      'cache-control': 'private',
      'x-content-type-options': 'nosniff',
    })
    expect(answer.headers).not.toHaveProperty('x-absent')
  })

  it('takes no word of the client for that of the gate or of the storage', async () => {
    const forged = [
      'x-media-state: ready',
      'x-media-tier: forged',
      'X-Amz-Security-Token: a',
      'x-minio-force: 1',
      'x-amz-meta-a: b',
    ]
    await here.ask('/media/ready', { headers: forged })
    const headers = here.stage.seen[0]?.headers ?? {}
    expect(headers['x-media-state']).toBe('ready')
    expect(Object.keys(headers).filter((name) => /^x-(amz|minio|media-tier)/.test(name))).toEqual([])
    expect((await here.ask('/media/ready', { headers: ['x_media_state: ready'] })).status).toBe(400)
  })

  it('tells the gate route, client, and no header beyond those that decide', async () => {
    await here.ask('/media/ready?x=1', {
      headers: ['accept: image/*', 'cookie: a=1', 'user-agent: u', 'x-forwarded-for: 198.51.100.7'],
    })
    const [asked] = here.stage.asked
    expect(asked).toMatchObject({
      method: 'GET',
      target: '/media/ready?x=1',
      host: 'cdn.example',
      scheme: 'http',
      proxyAddress: '127.0.0.1',
      sourceAddress: '127.0.0.1',
      context: { route: 'media' },
    })
    expect(asked?.header('accept')).toBe('image/*')
    expect(asked?.header('cookie')).toBe('a=1')
    expect(asked?.header('user-agent')).toBeUndefined()
    expect((asked?.deadlineMs ?? 0) - Date.now()).toBeLessThan(250)
  })

  it('leaves what the gate knew in the access log, and no query', async () => {
    await here.ask('/media/ready?token=secret')
    await here.stage.close()
    const lines = here.stage.envoy.output().split('\n')
    expect(lines.join('\n')).not.toContain('secret')
    expect(lines.map(parsed)).toContainEqual(
      expect.objectContaining({
        path: '/media/ready',
        status: 200,
        gate: expect.objectContaining({ state: 'ready', tier: 'disk', media_id: 'm-1', ttl_ms: 1_500 }),
      }),
    )
  })
})

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

describeUnless(missing, 'media that are not ready behind Envoy', () => {
  const here = onStage()
  const ways: readonly (readonly [
    string,
    (port: number, path: string, more?: AskOptions) => Promise<Answer>,
  ])[] = [
    ['HTTP/1.1', askHttp1],
    ['HTTP/2', askHttp2],
  ]

  it.each(ways)('are answered whole by the gate over %s', async (_name, ask) => {
    const { port } = here.stage
    expect(await ask(port, '/media/loading')).toMatchObject({
      status: 503,
      body: '{"status":503}',
      headers: {
        'retry-after': '7',
        'cache-control': 'public, max-age=5',
        'content-type': 'application/problem+json',
        'content-length': '14',
        'x-media-state': 'loading',
      },
    })
    expect(await ask(port, '/media/missing')).toMatchObject({
      status: 404,
      body: '{"status":404}',
      headers: { 'cache-control': 'public, max-age=60', 'x-media-state': 'missing' },
    })
  })

  it.each(ways)('have no body in answer to HEAD over %s', async (_name, ask) => {
    for (const [path, status] of [
      ['/media/loading', 503],
      ['/media/missing', 404],
    ] as const) {
      expect(await ask(here.stage.port, path, { method: 'HEAD' })).toMatchObject({
        status,
        body: '',
        headers: { 'content-length': '14' },
      })
    }
  })

  it.each(ways)('are never a part of themselves over %s', async (_name, ask) => {
    for (const range of ['bytes=0-1', 'bytes=100-', 'bytes=-1']) {
      expect((await ask(here.stage.port, '/media/loading', { headers: [`range: ${range}`] })).status).toBe(
        503,
      )
      expect((await ask(here.stage.port, '/media/missing', { headers: [`range: ${range}`] })).status).toBe(
        404,
      )
    }
    expect(here.stage.seen).toEqual([])
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('answer 405 with Allow to %s', async (method) => {
    const answer = await here.ask('/media/ready', { method, headers: ['content-length: 0'] })
    expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
    expect(here.stage.asked[0]?.method).toBe(method)
    expect(here.stage.seen).toEqual([])
  })

  it.each(['TRACE', 'CONNECT', 'get', 'GETX', 'PROPFIND'])(
    'never reach the storage by %s',
    async (method) => {
      expect((await here.ask('/media/ready', { method })).status).toBeGreaterThanOrEqual(400)
      expect(here.stage.seen).toEqual([])
    },
  )
})

describeUnless(missing, 'a route without the gate', () => {
  const here = onStage({
    change: (config) =>
      withRoute(
        config,
        `- match: { prefix: "/public/" }
                          route: { cluster: storage }
                          typed_per_filter_config:
                            envoy.filters.http.ext_authz:
                              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                              disabled: true`,
      ),
  })

  it('is not asked about, and no spelling of another path is on it', async () => {
    expect((await here.ask('/public/missing')).status).toBe(200)
    expect(here.stage.asked).toEqual([])
    for (const target of [
      '/public/../media/missing',
      '/public/%2e%2e/media/missing',
      '/public/.%2E/media/missing',
    ]) {
      expect((await here.ask(target)).status).toBe(404)
    }
    expect((await here.ask('/public/..%2fmedia/missing')).status).toBe(400)
    expect((await here.ask('/public/..%5cmedia/missing')).status).toBe(400)
  })
})

describeUnless(missing, 'a gate that does not answer', () => {
  it('is 503 of Envoy when nobody listens', async () => {
    const [gatePort = 0] = await freePorts(1)
    const stage = await startStage({ gatePort })
    try {
      expect(await askHttp1(stage.port, '/media/ready')).toMatchObject({ status: 503 })
      expect(stage.seen).toEqual([])
    } finally {
      await stage.close()
    }
  })

  it('is 503 of Envoy within its timeout when a server takes connections and says nothing', async () => {
    const silent = await startSilence()
    const stage = await startStage({ gatePort: silent.port })
    try {
      const startedMs = performance.now()
      expect((await askHttp1(stage.port, '/media/ready')).status).toBe(503)
      expect(performance.now() - startedMs).toBeLessThan(2_000)
      expect(stage.seen).toEqual([])
    } finally {
      await stage.close()
      silent.close()
    }
  })

  it('is 503 with Retry-After of ours when the decision hangs, throws or is none', async () => {
    const stage = await startStage({
      check: ({ target }) => {
        if (target === '/hangs') return new Promise(() => undefined)
        if (target === '/throws') throw new Error('broken')
        return forward({ path: 'no path' })
      },
    })
    try {
      for (const target of ['/hangs', '/throws'])
        expect(await askHttp1(stage.port, target)).toMatchObject({
          status: 503,
          headers: { 'retry-after': '1' },
        })
      expect((await askHttp1(stage.port, '/unwritable')).status).toBe(500)
      expect(stage.seen).toEqual([])
    } finally {
      await stage.close()
    }
  })

  it('lets nothing wrong through while it ends and comes back under load', async () => {
    const stage = await startStage()
    try {
      const statuses = new Map<number, number>()
      let isOver = false
      const load = Array.from({ length: 8 }, async () => {
        while (!isOver) {
          const { status } = await askHttp1(stage.port, '/media/missing')
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        }
      })
      const answered = async (count: number): Promise<void> => {
        const enough = (statuses.get(404) ?? 0) + count
        while ((statuses.get(404) ?? 0) < enough)
          await askHttp1(stage.port, '/media/missing').then(() => new Promise(setImmediate))
      }
      for (let round = 0; round < 3; round++) {
        await answered(50)
        await stage.stopGate()
        await stage.startGate()
      }
      await answered(50)
      isOver = true
      await Promise.all(load)
      expect([...statuses.keys()].filter((status) => status !== 404 && status !== 503)).toEqual([])
      expect(stage.seen).toEqual([])
    } finally {
      await stage.close()
    }
  })
})

describeUnless(missing, 'a cache in Envoy', () => {
  it('is asked after the gate: every hit is checked', async () => {
    const stage = await startStage({ change: (config) => withCache(config, 'after the gate') })
    try {
      const answers: Answer[] = []
      for (let count = 0; count < 3; count++) answers.push(await askHttp1(stage.port, '/media/ready'))
      expect(answers.map(({ status, body }) => [status, body])).toEqual(
        Array(3).fill([200, OBJECT.toString()]),
      )
      expect(stage.asked).toHaveLength(3)
      expect(stage.seen).toHaveLength(1)
      expect(answers[2]?.headers).toHaveProperty('age')
    } finally {
      await stage.close()
    }
  })

  it('answers without asking when it stands before the gate: what the shipped order keeps from happening', async () => {
    let isThere = true
    const check: StageOptions['check'] = (request) =>
      scripted({ ...request, target: isThere ? '/ready' : '/missing' })
    const statusesWith = async (place: 'after the gate' | 'before the gate'): Promise<number[]> => {
      isThere = true
      const stage = await startStage({ check, change: (config) => withCache(config, place) })
      try {
        const first = await askHttp1(stage.port, '/media/a')
        isThere = false
        return [first.status, (await askHttp1(stage.port, '/media/a')).status]
      } finally {
        await stage.close()
      }
    }
    expect(await statusesWith('after the gate')).toEqual([200, 404])
    expect(await statusesWith('before the gate')).toEqual([200, 200])
  })
})

describeUnless(missing, 'shadow mode', () => {
  it('asks the same questions and hears the same answers, and denies nothing', async () => {
    const targets = ['/media/ready', '/media/loading', '/media/missing']
    const runWith = async (
      change: (config: string) => string,
    ): Promise<{ statuses: number[]; asked: string[] }> => {
      const stage = await startStage({ change })
      try {
        const statuses: number[] = []
        for (const target of targets) statuses.push((await askHttp1(stage.port, target)).status)
        return { statuses, asked: stage.asked.map(({ target }) => target) }
      } finally {
        await stage.close()
      }
    }
    const enforced = await runWith((config) => config)
    const shadow = await runWith((config) =>
      changed(
        config,
        'validate_mutations: true',
        'validate_mutations: true\n                      shadow_mode: true',
      ),
    )
    expect(enforced.statuses).toEqual([200, 503, 404])
    expect(shadow).toEqual({ statuses: [200, 200, 200], asked: enforced.asked })
  })
})

describeUnless(missing, 'headers as they came', () => {
  const here = onStage({
    change: (config) =>
      changed(
        config,
        'validate_mutations: true',
        'validate_mutations: true\n                      encode_raw_headers: true',
      ),
    check: () => forward(),
  })

  it('are read from the list of lines that encode_raw_headers sends', async () => {
    await here.ask('/media/ready', {
      headers: ['accept: a/b', 'accept: c/d', 'x-forwarded-user: caf\u00e9', 'cookie: a=1'],
    })
    const [asked] = here.stage.asked
    expect(asked).toMatchObject({ method: 'GET', target: '/media/ready', host: 'cdn.example' })
    expect(asked?.header('accept')).toBe('a/b,c/d')
    expect(asked?.header('cookie')).toBe('a=1')
    expect(asked?.header('x-forwarded-user')).toBe('caf\uFFFD')
  })
})

describeUnless(missing, 'an answer with a line break in a header', () => {
  const evil = 'b\r\nset-cookie: evil=1'
  const here = onStage({
    // Without the flag Envoy would write it as it is: this is about us.
    change: (config) => changed(config, 'validate_mutations: true', ''),
    check: ({ target }) => {
      if (target === '/answer') return { ...MISSING, headers: ['x-a', evil] }
      if (target === '/response') return forward({ responseHeaders: ['x-a', evil] })
      if (target === '/request') return forward({ requestHeaders: ['x-a', evil] })
      if (target === '/name') return forward({ responseHeaders: ['x-a: b\r\nset-cookie', 'evil=1'] })
      return forward({ path: '/a HTTP/1.1\r\nx-evil: 1\r\n' })
    },
  })

  it.each(['/answer', '/response', '/request', '/name', '/path'])('is never written: %s', async (target) => {
    const answer = await here.ask(target)
    expect(answer.status).toBe(500)
    expect(answer.raw).not.toContain('evil')
    expect(here.stage.seen).toEqual([])
  })
})

/** What was sent as the host, and what the gate is told; undefined where Envoy refuses by itself. */
const HOSTS: readonly (readonly [string, string, string, string | undefined, number])[] = [
  ['upper case', '', 'CDN.Example', 'CDN.Example', 200],
  ['a dot at its end', '', 'cdn.example.', 'cdn.example.', 200],
  ['a port', '', 'cdn.example:10000', 'cdn.example:10000', 200],
  ['none', '', '', '', 200],
  ['another host in the address', 'http://evil.example', 'cdn.example', 'evil.example', 200],
  ['a user in the address', 'http://cdn.example@evil.example', 'cdn.example', 'evil.example', 200],
  ['two', '', 'cdn.example\r\nhost: evil.example', 'cdn.example,evil.example', 400],
  ['two in one', '', 'cdn.example, evil.example', undefined, 400],
  ['a user', '', 'cdn.example@evil.example', 'cdn.example@evil.example', 400],
  ['a path', '', 'cdn.example/media/secret?', undefined, 400],
]

describeUnless(missing, 'hosts behind the shipped configuration', () => {
  let store: MediaStore
  let gate: Gate
  beforeAll(async () => {
    store = await memoryMediaStore()
    gate = createGate({ store, authorize: () => true })
  })
  afterAll(async () => {
    gate.close()
    await store.close()
  })
  const here = onStage({ check: (request) => gate.check(request) })

  it.each(HOSTS)('%s', async (_, before, host, told, status) => {
    const { id } = await store.put(OBJECT, { at: { key: 'ready' } })
    const answer = await here.ask(`${before}/media/k/ready`, { host })
    expect(answer.status).toBe(status)
    expect(here.stage.asked.map((request) => request.host)).toEqual(told === undefined ? [] : [told])
    // Whatever the client named: one storage, by its own name, and the object that was judged.
    const [seen, ...others] = here.stage.seen
    expect(others).toEqual([])
    if (status === 400) expect(seen).toBeUndefined()
    else {
      expect([seen?.url, seen?.headers['x-media-id']]).toEqual(['/media/k/ready', id])
      expect(seen?.headers.host).toMatch(/^127\.0\.0\.1:\d+$/)
    }
  })
})

/** What was sent, and under the shipped configuration the path that is judged and fetched; undefined where Envoy refuses. */
const PATHS: readonly (readonly [string, string | undefined])[] = [
  ['/media/x/../a.jpg', '/media/a.jpg'],
  ['/media/x/%2e%2e/a.jpg', '/media/a.jpg'],
  ['/media/./a.jpg', '/media/a.jpg'],
  ['/media//a.jpg', '/media/a.jpg'],
  ['//media/a.jpg', '/media/a.jpg'],
  ['/media/x%2f..%2fa.jpg', undefined],
  ['/media%2fa.jpg', undefined],
  ['/media/..%5ca.jpg', undefined],
  ['/media/..\\a.jpg', '/a.jpg'],
  ['/media/%61.jpg', '/media/a.jpg'],
  ['/media/a%00.jpg', undefined],
  ['/MEDIA/a.jpg', '/MEDIA/a.jpg'],
  ['/media/a.jpg/', '/media/a.jpg/'],
  ['/media/a.jpg;v=1', '/media/a.jpg;v=1'],
  ['/media/a%20b.jpg', '/media/a%20b.jpg'],
  ['/media/a.jpg%3fx=1', '/media/a.jpg%3fx=1'],
  ['/media/%252e%252e/a.jpg', '/media/%252e%252e/a.jpg'],
  ['/media/%c0%ae%c0%ae/a.jpg', '/media/%c0%ae%c0%ae/a.jpg'],
  ['/media/a.jpg?x=/../missing/', '/media/a.jpg?x=/../missing/'],
]

describeUnless(missing, 'paths behind the shipped configuration', () => {
  const here = onStage({ check: () => forward() })

  it.each(PATHS)('%s is judged and fetched as %s', async (sent, path) => {
    const { status } = await here.ask(sent)
    const asked = here.stage.asked.map(({ target }) => target)
    const fetched = here.stage.seen.map(({ url }) => url)
    expect(status).toBe(path === undefined ? 400 : 200)
    expect(asked).toEqual(path === undefined ? [] : [path])
    expect(fetched).toEqual(asked)
  })
})

describeUnless(missing, 'paths behind an Envoy that leaves them alone', () => {
  const here = onStage({ check: () => forward(), change: withoutNormalising })

  it.each(PATHS)('%s is judged as it is fetched', async (sent) => {
    await here.ask(sent)
    const asked = here.stage.asked.map(({ target }) => target)
    expect(asked).toEqual([sent])
    // A byte 0 is refused by the storage, not by the proxy.
    expect(here.stage.seen.map(({ url }) => url)).toEqual(asked)
  })
})
