import { describe, expect, it } from 'vitest'
import { oauth2ProxyIdentity } from '../identity/oauth2-proxy.ts'
import { gateRouter } from './gate-router.ts'
import { FORWARDING, openGate, PROXIES, questionOf, READY, twinGate, twinWire } from './twin.fixture.ts'

describe('who is behind OAuth2 Proxy', () => {
  const asSource = oauth2ProxyIdentity({ trustedProxies: ['10.0.0.7'] })
  const asAsker = oauth2ProxyIdentity({ trustedProxies: ['127.0.0.1'], trust: 'proxy' })

  it.each(FORWARDING)('is believed by %s only from the address that the proxy itself saw', async (proxy) => {
    const { gate, questions } = openGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    const from = async (address: string): Promise<unknown> => {
      const { headers = {} } = questionOf(proxy, READY)
      const said = { 'x-forwarded-user': 'ann', 'x-forwarded-for': address }
      await wire.send({ target: '/', headers: { ...headers, ...said } })
      const question = questions.pop()
      return question === undefined ? 'not asked' : asSource(question)
    }
    expect(await from('10.0.0.7')).toEqual({ id: 'ann' })
    expect(await from('198.51.100.1, 10.0.0.7')).toEqual({ id: 'ann' })
    for (const address of ['198.51.100.1', '10.0.0.7, 198.51.100.1', '', 'unknown', '10.0.0.7:80'])
      expect(await from(address), address).toBeUndefined()
  })

  it.each(PROXIES)(
    'is believed of %s where that asks OAuth2 Proxy itself, and two users are none',
    async (proxy) => {
      const { gate, questions } = openGate()
      const wire = await twinWire(gateRouter({ gate, proxy }))
      for (const user of ['ann', ['ann', 'admin'], 'ann,admin'])
        await wire.ask(proxy, { ...READY, headers: { 'x-auth-request-user': user } })
      expect(questions.map((question) => asAsker(question))).toEqual([{ id: 'ann' }, undefined, undefined])
    },
  )
})

describe('where browsers come back to after they signed in', () => {
  const page = { accept: 'text/html', authorization: 'bad' }
  const back = (location: string | undefined): string | null =>
    new URL(location ?? 'x:').searchParams.get('rd')

  it.each(PROXIES)('is where they were, as %s tells it', async (proxy) => {
    const { gate } = await twinGate()
    const wire = await twinWire(gateRouter({ gate, proxy }))
    const { headers } = await wire.ask(proxy, { target: '/media/k/ready?download=1', headers: page })
    expect(headers['x-media-status']).toBe('302')
    expect(headers.location?.startsWith('https://auth.example/oauth2/start?rd=')).toBe(true)
    expect(back(headers.location)).toBe('https://media.example/media/k/ready?download=1')
  })

  it.each([
    '//evil.example/media/k/ready',
    '/\\evil.example/k',
    '\\\\evil.example',
    '/%09//evil.example',
    '/%5cevil.example',
    'https://evil.example/media/k/ready',
    'https://media.example@evil.example/',
  ])('is nowhere for %s', async (target) => {
    const { gate } = await twinGate()
    for (const proxy of FORWARDING) {
      const wire = await twinWire(gateRouter({ gate, proxy }))
      const { headers } = await wire.ask(proxy, { target, headers: page })
      expect(headers.location).toBeUndefined()
      expect(headers['x-media-status']).toBe('400')
    }
  })

  it.each(['evil.example', 'media.example.evil.example', 'media.example:81'])(
    'is never the host %s',
    async (host) => {
      const { gate } = await twinGate()
      for (const proxy of FORWARDING) {
        const wire = await twinWire(gateRouter({ gate, proxy }))
        const question = questionOf(proxy, { target: '/media/k/ready?rd=//evil.example', headers: page })
        const { headers } = await wire.send({
          ...question,
          headers: { ...question.headers, 'x-forwarded-host': host },
        })
        expect(back(headers.location)).toBe('/media/k/ready?rd=//evil.example')
      }
    },
  )

  it('is nowhere where the host is none', async () => {
    const { gate } = await twinGate()
    for (const proxy of FORWARDING) {
      const wire = await twinWire(gateRouter({ gate, proxy }))
      const question = questionOf(proxy, { target: '/media/k/ready', headers: page })
      const { status, headers } = await wire.send({
        ...question,
        headers: { ...question.headers, 'x-forwarded-host': 'media.example@evil.example' },
      })
      expect([status, headers['x-media-status'], headers.location]).toEqual([status, '400', undefined])
    }
  })
})
