import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { missingEnvoyReason } from '../../scripts/envoy.mjs'
import { describeUnless } from '../describe-unless.ts'
import { askHttp1 } from './client.ts'
import { askingOverHttp } from './config.ts'
import { ETAG, OBJECT, type Stage, startSilence, startStage } from './stage.ts'

describeUnless(missingEnvoyReason(), 'an Envoy that asks the gate over HTTP, as the guide says', () => {
  let running: Stage | undefined
  const stage = (): Stage => {
    if (running === undefined) throw new Error('the stage did not start')
    return running
  }
  beforeAll(async () => {
    running = await startStage({ transport: 'http', change: askingOverHttp })
  })
  afterAll(async () => running?.close())
  beforeEach(() => stage().forget())
  const ask: (
    ...given: Parameters<typeof askHttp1> extends [number, ...infer Rest] ? Rest : never
  ) => ReturnType<typeof askHttp1> = (target, options) => askHttp1(stage().port, target, options)

  it('sends what is ready on, with what the gate says of it and nothing that the client claims', async () => {
    const got = await ask('/media/ready?w=1', { headers: ['x-media-state: forged', 'x-media-id: forged'] })
    expect([got.status, got.body]).toEqual([200, OBJECT.toString()])
    expect(stage().asked).toMatchObject([{ method: 'GET', target: '/media/ready?w=1', host: 'cdn.example' }])
    expect(stage().seen).toMatchObject([
      { method: 'GET', url: '/media/ready?w=1', headers: { 'x-media-state': 'ready' } },
    ])
    expect(JSON.stringify(stage().seen)).not.toContain('forged')
  })

  it('leaves ranges, conditions and HEAD to the storage', async () => {
    const part = await ask('/media/ready', { headers: ['range: bytes=2-4'] })
    expect([part.status, part.body, part.headers['content-range']]).toEqual([206, '234', 'bytes 2-4/10'])
    expect((await ask('/media/ready', { headers: [`if-none-match: ${ETAG}`] })).status).toBe(304)
    const head = await ask('/media/ready', { method: 'HEAD' })
    expect([head.status, head.body, head.headers['content-length']]).toEqual([200, '', '10'])
  })

  it.each([
    [
      '/media/loading',
      'GET',
      429,
      { 'retry-after': '7', 'x-media-state': 'loading', 'x-media-status': '503' },
    ],
    ['/media/missing', 'GET', 404, { 'cache-control': 'public, max-age=60', 'x-media-state': 'missing' }],
    ['/media/ready', 'POST', 405, { allow: 'GET, HEAD' }],
    ['/media/ready', 'PURGE', 405, { allow: 'GET, HEAD' }],
  ])('tells the client what the gate says of %s (%s): %i', async (target, method, status, headers) => {
    const got = await ask(target, { method, headers: ['range: bytes=0-1'] })
    expect(got.status).toBe(status)
    expect(got.headers).toMatchObject(headers)
    expect(got.headers['content-type']).toBe('application/problem+json')
    expect(stage().seen).toEqual([])
  })

  it('sends nothing on while there is no gate, and goes on with one that came back', async () => {
    await stage().stopGate()
    const without = await ask('/media/ready')
    expect(without.status).toBe(503)
    expect(stage().seen).toEqual([])
    await stage().startGate()
    await expect.poll(async () => (await ask('/media/ready')).status, { timeout: 5_000 }).toBe(200)
  })
})

describeUnless(
  missingEnvoyReason(),
  'an Envoy whose gate takes the question and says nothing over HTTP',
  () => {
    it('sends nothing on, and answers in the time that the configuration gives', async () => {
      const silent = await startSilence()
      const stage = await startStage({ change: askingOverHttp, gatePort: silent.port })
      try {
        const begunMs = performance.now()
        expect((await askHttp1(stage.port, '/media/ready')).status).toBe(503)
        expect(performance.now() - begunMs).toBeLessThan(5_000)
        expect(stage.seen).toEqual([])
      } finally {
        await stage.close()
        silent.close()
      }
    })
  },
)
