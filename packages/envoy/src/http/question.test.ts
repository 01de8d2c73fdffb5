import type { RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import express from 'express'
import { describe, expect, it } from 'vitest'
import { type GateHandler, gateRouter } from './gate-router.ts'
import { FORWARDING, openGate, questionOf, READY, twinGate, twinWire } from './twin.fixture.ts'

const require = createRequire(import.meta.url)
const express4 = require('express4') as () => RequestListener & {
  use(path: string, handler: GateHandler): unknown
}

describe.each(FORWARDING)('what %s says of the client', (proxy) => {
  it('is the question, whatever the request for it looks like', async () => {
    const { gate, questions } = openGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    const { headers = {} } = questionOf(proxy, { method: 'HEAD', target: '/media/k/a?b=%2e%2e' })
    await wire.send({ method: 'POST', target: '/other?x', headers: { ...headers, range: 'bytes=0-1' } })
    expect(questions[0]).toMatchObject({
      method: 'HEAD',
      target: '/media/k/a?b=%2e%2e',
      host: 'media.example',
      scheme: 'https',
      proxyAddress: '127.0.0.1',
      sourceAddress: '203.0.113.9',
    })
    expect(questions[0]?.header('range')).toBe('bytes=0-1')
  })

  it.each<[string, Record<string, string | string[]>]>([
    ['no address', { 'x-forwarded-method': 'GET' }],
    ['no method', { 'x-forwarded-uri': '/media/k/ready' }],
    ['nothing', {}],
    ['two addresses', { 'x-forwarded-method': 'GET', 'x-forwarded-uri': ['/media/k/ready', '/media/k/x'] }],
    ['one twice', { 'x-forwarded-method': 'GET', 'x-forwarded-uri': ['/media/k/ready', '/media/k/ready'] }],
    ['two joined', { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/media/k/ready, /media/k/x' }],
    ['two joined tightly', { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/media/k/ready,/media/k/x' }],
    ['two methods', { 'x-forwarded-method': ['GET', 'DELETE'], 'x-forwarded-uri': '/media/k/ready' }],
    ['methods joined', { 'x-original-method': 'GET,DELETE', 'x-original-uri': '/media/k/ready' }],
    [
      'addresses that differ',
      {
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': '/media/k/ready',
        'x-original-uri': '/media/k/nothing',
      },
    ],
    [
      'methods that differ',
      { 'x-forwarded-method': 'GET', 'x-original-method': 'PUT', 'x-original-uri': '/media/k/ready' },
    ],
    [
      'two hosts',
      {
        'x-forwarded-method': 'GET',
        'x-forwarded-uri': '/media/k/ready',
        'x-forwarded-host': ['media.example', 'evil.example'],
      },
    ],
  ])('is refused where it is no clear question: %s', async (_, headers) => {
    const { gate, questions } = openGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    const answer = await wire.send({ target: '/media/k/ready', headers })
    expect(answer.headers).toMatchObject({ 'x-media-state': 'denied', 'x-media-status': '400' })
    expect(answer.status).toBe(proxy === 'nginx' ? 403 : 400)
    expect(questions).toEqual([])
  })

  it('may stand in both families of headers where they say the same', async () => {
    const { gate, questions } = openGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    const said = { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/media/k/a,b' }
    await wire.send({
      target: '/',
      headers: { ...said, 'x-original-method': 'GET', 'x-original-uri': '/media/k/a,b' },
    })
    expect(questions.map(({ target }) => target)).toEqual(['/media/k/a,b'])
  })

  it.each([
    'http://media.example/media/k/ready',
    '//media/k/ready',
    '/media/k/%2e%2e/k/ready',
    '/media/k/x%2fready',
    '*',
    '/media//k/ready',
  ])('is refused where two could read it differently: %s', async (target) => {
    const { gate, looks } = await twinGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    expect((await wire.ask(proxy, { target })).headers['x-media-status']).toBe('400')
    expect(looks()).toBe(0)
  })

  it('is believed of the source only what the proxy itself added', async () => {
    const { gate, questions } = openGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    const { headers = {} } = questionOf(proxy, READY)
    await wire.send({ target: '/', headers: { ...headers, 'x-forwarded-for': '127.0.0.1, 203.0.113.7' } })
    await wire.send({ target: '/', headers: { ...headers, 'x-forwarded-proto': 'javascript' } })
    expect(questions.map(({ sourceAddress, scheme }) => [sourceAddress, scheme])).toEqual([
      ['203.0.113.7', 'https'],
      ['203.0.113.9', ''],
    ])
  })
})

describe('what Envoy asks', () => {
  it('is the request itself: headers that speak of another are no word of its', async () => {
    const { gate, questions } = openGate()
    const wire = await twinWire(gateRouter({ gate, proxy: 'envoy' }))
    const forged = {
      'x-forwarded-uri': '/media/k/ready',
      'x-forwarded-method': 'GET',
      'x-original-uri': '/media/k/ready',
      'x-forwarded-for': '10.0.0.1',
      host: 'media.example',
    }
    await wire.send({ method: 'DELETE', target: '/media/k/secret?x=1', headers: forged })
    expect(questions[0]).toMatchObject({
      method: 'DELETE',
      target: '/media/k/secret?x=1',
      host: 'media.example',
    })
    // Envoy sends its own address there.
    expect(questions[0]?.sourceAddress).toBeUndefined()
  })

  it.each(['http://media.example/media/k/ready', '/media/k/./ready', '//media/k/ready'])(
    'is refused where it can be read in two ways: %s',
    async (target) => {
      const { gate } = await twinGate()
      const wire = await twinWire(gateRouter({ gate, proxy: 'envoy' }))
      expect((await wire.ask('envoy', { target })).status).toBe(400)
    },
  )

  it('loses the path prefix of Envoy, and is refused without it', async () => {
    const { gate, questions } = openGate()
    const wire = await twinWire(gateRouter({ gate, proxy: 'envoy', pathPrefix: '/gate' }))
    expect((await wire.send({ target: '/gate/media/k/a?b' })).status).toBe(200)
    for (const target of ['/media/k/a', '/GATE/media/k/a', 'http://x/gate/media/k/a'])
      expect((await wire.send({ target })).status, target).toBe(400)
    expect(questions.map(({ target }) => target)).toEqual(['/media/k/a?b'])
    const strict = await twinGate()
    const strictWire = await twinWire(gateRouter({ gate: strict.gate, proxy: 'envoy', pathPrefix: '/gate' }))
    for (const target of ['/gatemedia/k/ready', '/gate//media/k/ready', '/gate/../media/k/ready', '/gate'])
      expect((await strictWire.send({ target })).status, target).toBe(400)
  })

  it.each<[string, (router: GateHandler) => RequestListener]>([
    ['Express 5', (router) => express().use('/gate', router)],
    [
      'Express 4',
      (router) => {
        const app = express4()
        app.use('/gate', router)
        return app
      },
    ],
  ])('may come through a mount of %s, which takes its path off', async (_, mount) => {
    const { gate } = await twinGate()
    const wire = await twinWire(mount(gateRouter({ gate, proxy: 'envoy' })))
    expect((await wire.ask('envoy', { target: '/gate/media/k/ready' })).status).toBe(200)
    expect((await wire.ask('envoy', { target: '/gate/media/k/nothing' })).status).toBe(401)
    for (const target of ['/gate//media/k/ready', '/gate/media/k/x/../ready', '/gate/media/k/x%2fready'])
      expect((await wire.ask('envoy', { target })).status, target).toBe(400)
    expect((await wire.ask('envoy', { target: '/media/k/ready' })).headers['x-media-state']).toBeUndefined()
  })
})
