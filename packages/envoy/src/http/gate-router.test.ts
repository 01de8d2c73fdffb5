import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { GateAnswer, GateRequest } from '../contracts.ts'
import { gateRouter } from './gate-router.ts'
import type { Proxy } from './profiles.ts'
import {
  openGate,
  PROXIES,
  questionOf,
  READY,
  TWIN_TABLE,
  tableOfGuide,
  twinGate,
  twinWire,
} from './twin.fixture.ts'

describe.each(PROXIES)('to %s', (proxy) => {
  it.each(TWIN_TABLE)('says $means as it understands it', async (row) => {
    const { gate } = await twinGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    const { status, headers, body } = await wire.ask(proxy, row.asks)
    const isYes = row.status === undefined
    expect(status).toBe(row.told[proxy])
    expect(headers['x-media-state']).toBe(row.state)
    expect(headers['x-media-status']).toBe(isYes ? undefined : String(row.status))
    for (const name of row.headers) expect(headers[name], name).toBeDefined()
    expect(body !== '').toBe(row.hasBody && proxy !== 'nginx')
    if (body !== '') {
      expect(headers['content-type']).toBe('application/problem+json')
      expect(JSON.parse(body)).toMatchObject({ status: row.status })
    }
    expect(headers['content-length']).toBe(
      status === 304 || status === 204 ? undefined : String(Buffer.byteLength(body)),
    )
    expect(headers['transfer-encoding']).toBeUndefined()
    expect(JSON.stringify([headers, body])).not.toContain('never to be seen')
  })

  it.each(TWIN_TABLE.filter(({ asks }) => asks.method === undefined && asks.headers === undefined))(
    'says $means to HEAD by the same status and headers',
    async ({ asks }) => {
      const { gate } = await twinGate()
      const wire = await twinWire(gateRouter({ gate, proxy }))
      const [get, head] = [await wire.ask(proxy, asks), await wire.ask(proxy, { ...asks, method: 'HEAD' })]
      expect(head.status).toBe(get.status)
      // Waits and signatures differ, and the length of a refusal never.
      expect(Object.keys(head.headers)).toEqual(Object.keys(get.headers))
      expect(head.headers['content-length']).toBe(get.headers['content-length'])
      if (proxy === 'envoy') expect(head.body).toBe('')
    },
  )

  it('never says yes by a status of a no', async () => {
    const yes = proxy === 'envoy' ? [200] : [200, 201, 202, 204, 206]
    for (const loadingStatus of [202, 425, 429, 503] as const) {
      const { gate } = await twinGate({ loadingStatus })
      const wire = await twinWire(gateRouter({ gate, proxy }))
      expect(yes).not.toContain((await wire.ask(proxy, { target: '/media/k/loading' })).status)
    }
  })

  it('names in every yes all that clients must not have said themselves', async () => {
    const { gate, media } = await twinGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    const { headers } = await wire.ask(proxy, {
      ...READY,
      headers: { cookie: 'a=b', 'x-auth-request-user': 'admin', 'x-media-id': 'forged' },
    })
    expect(headers).toMatchObject({
      'x-media-state': 'ready',
      'x-media-id': media.id,
      'x-media-digest': media.digest,
      'x-media-tier': 'minio',
      'x-media-origin': 'minio',
      'x-media-path': expect.stringMatching(/^\/media\/objects\/ab\//),
      authorization: expect.stringMatching(/^AWS4-HMAC-SHA256 /),
      'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
      etag: expect.stringMatching(/^"/),
      'cache-control': 'no-store',
      cookie: '',
      range: '',
      'if-range': '',
      'x-auth-request-user': '',
      'x-forwarded-groups': '',
      'x-amz-security-token': '',
    })
  })

  it('says no where an answer cannot be written as it was meant', async () => {
    const check = (): GateAnswer => ({
      kind: 'forward',
      path: '/a\r\nx: y',
      requestHeaders: ['x-media-state', 'ready'],
      removeRequestHeaders: [],
      responseHeaders: [],
      replaceResponseHeaders: [],
      facts: { state: 'ready', ttlMs: 0 },
    })
    const wire = await twinWire(gateRouter({ gate: { check, close: () => {} }, proxy }))
    const { status, headers } = await wire.ask(proxy, READY)
    expect(status).toBe({ envoy: 429, nginx: 403, traefik: 503, caddy: 503 }[proxy])
    expect(headers).toMatchObject({ 'x-media-state': 'failed', 'x-media-status': '503' })
  })

  it('is of no use to anybody but its proxies', async () => {
    const { gate, questions } = openGate()
    const wire = await twinWire(gateRouter({ gate, proxy, trustedProxies: ['192.0.2.0/24'] }))
    const { status, headers } = await wire.ask(proxy, READY)
    expect(status).toBe(403)
    expect(headers).toMatchObject({ 'x-media-state': 'denied', 'x-media-status': '403' })
    expect(questions).toEqual([])
  })

  it('ignores a body, and answers on the same connection again', async () => {
    const { gate } = await twinGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    const { headers = {} } = questionOf(proxy, READY)
    const socket = connect(wire.port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk
    })
    const lines = Object.entries({ host: 'x', ...headers }).map(
      ([name, value]) => `${name}: ${String(value)}`,
    )
    const path = proxy === 'envoy' ? READY.target : '/'
    const body = 'x'.repeat(100_000)
    for (let round = 0; round < 2; round++)
      socket.write(
        [`GET ${path} HTTP/1.1`, ...lines, `content-length: ${body.length}`, '', body].join('\r\n'),
      )
    await vi.waitFor(() => expect(text.match(/HTTP\/1\.1 20[04] /g)).toHaveLength(2))
  })

  it('keeps nothing of those who leave before they are answered', async () => {
    let answer: (answer: GateAnswer) => void = () => {}
    const late = new Promise<GateAnswer>((resolve) => {
      answer = resolve
    })
    const responses: { destroyed: boolean; headersSent: boolean }[] = []
    const router = gateRouter({ gate: { check: () => late, close: () => {} }, proxy })
    const wire = await twinWire((request, response) => {
      responses.push(response)
      router(request, response)
    })
    const question = questionOf(proxy, READY)
    const sent = httpRequest({ port: wire.port, path: question.target, headers: { ...question.headers } })
    sent.on('error', () => {}).end()
    await vi.waitFor(() => expect(responses).toHaveLength(1))
    sent.destroy()
    await vi.waitFor(() => expect(responses[0]?.destroyed).toBe(true))
    answer(openGate().gate.check({} as GateRequest) as GateAnswer)
    await late
    expect(responses[0]?.headersSent).toBe(false)
  })
})

it('answers over a unix socket, to those who may open it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mediakeep-gate-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { gate } = openGate()
  const ask = async (name: string, trustedProxies?: readonly string[]): Promise<number | undefined> => {
    const router = gateRouter({ gate, proxy: 'nginx', ...(trustedProxies ? { trustedProxies } : {}) })
    const socketPath = join(folder, name)
    const server = createServer(router).listen(socketPath)
    await once(server, 'listening')
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
    const { headers } = questionOf('nginx', READY)
    const sent = httpRequest({ socketPath, headers: { ...headers }, agent: false }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    response.resume()
    return response.statusCode
  }
  expect(await ask('a')).toBe(204)
  expect(await ask('b', ['127.0.0.1', 'unix'])).toBe(204)
  expect(await ask('c', ['127.0.0.1'])).toBe(403)
})

it('closes the gate that it made, and no other', async () => {
  const { gate } = await twinGate()
  const close = vi.spyOn(gate, 'close')
  gateRouter({ gate, proxy: 'caddy' }).close()
  expect(close).not.toHaveBeenCalled()

  const stop = vi.fn<() => void>()
  const own = gateRouter({
    proxy: 'traefik',
    authorize: () => true,
    store: {
      availability: async () => ({ state: 'missing' }),
      stat: async () => undefined,
      url: async () => new URL('https://media.example/'),
      warm: async () => ({ state: 'missing' }),
      watch: () => stop,
    },
  })
  own.close()
  expect(stop).toHaveBeenCalledOnce()
  const wire = await twinWire(own)
  expect(await wire.ask('traefik', READY)).toMatchObject({ status: 503 })
})

it('answers 503 when the gate has not answered after its time, and tells the gate when that is', async () => {
  const asked: GateRequest[] = []
  const hung = {
    check: (request: GateRequest) => {
      asked.push(request)
      return new Promise<GateAnswer>(() => undefined)
    },
    close: () => undefined,
  }
  const wire = await twinWire(gateRouter({ gate: hung, proxy: 'traefik', answerWithinMs: 40 }))
  const before = Date.now()
  expect(await wire.ask('traefik', READY)).toMatchObject({
    status: 503,
    headers: { 'x-media-state': 'failed', 'retry-after': '1', 'cache-control': 'no-store' },
  })
  expect(Date.now() - before).toBeGreaterThanOrEqual(39)
  expect(asked[0]?.deadlineMs).toBeGreaterThanOrEqual(before + 40)
})

it('is not made of settings that mean nothing', async () => {
  const { gate } = openGate()
  const refused = expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-option' })
  for (const proxy of ['haproxy', '', 'constructor', '__proto__'])
    expect(() => gateRouter({ gate, proxy: proxy as Proxy })).toThrow(refused)
  for (const pathPrefix of ['gate', '/gate/', '/', '/ga te', '/../gate?'])
    expect(() => gateRouter({ gate, proxy: 'envoy', pathPrefix })).toThrow(refused)
  expect(() => gateRouter({ gate, proxy: 'nginx', trustedProxies: ['*'] })).toThrow(refused)
})

it('does what the guide says', async () => {
  const guide = await readFile(
    new URL('../../../../docs/guide/gate-http-proxies.md', import.meta.url),
    'utf8',
  )
  expect(guide).toContain(tableOfGuide())
})
