import { headerIn as header, MediaError } from '@mediakeep/core'
import { describe, expect, it } from 'vitest'
import { asked, BYTES, direct, forward, gateFixture } from './gate.fixture.ts'
import { createGate } from './gate.ts'

describe('what is asked', () => {
  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'CONNECT', 'TRACE', 'OPTIONS', 'get', 'GETX', ''])(
    'answers 405 with Allow to %j',
    async (method) => {
      const { check } = await gateFixture()
      const answer = direct(await check('/media/k/a', { method }))
      expect(answer.status).toBe(405)
      expect(header(answer.headers, 'allow')).toBe('GET, HEAD')
      expect(header(answer.headers, 'x-media-state')).toBe('denied')
    },
  )

  it.each([
    '/media/k/x/../a',
    '/media/k/x/%2e%2e/a',
    '/media/k/./a',
    '/media/k//a',
    '//media/k/a',
    '/media/k/x%2fa',
    '/media/k/x%2F..%2Fa',
    '/media/k/..%5ca',
    '/media/k/..\\a',
    '/media/k/a%00',
    '/media/k/%252e%252e/a',
    '/media/k/%25252e/a',
    '/media/k/%c0%ae%c0%ae/a',
    '/media/k/%u002e/a',
    '/media/k/a%',
    '/media/k/a#b',
    '/media/k/a/',
    'media/k/a',
    'http://media.example/media/k/a',
    '*',
    '',
    `/media/k/${'a'.repeat(9_000)}`,
    '/media/k/a b',
    '/media/k/\u00e9',
    '/media/k/a\r\nx: y',
  ])('answers 400 to %j, which can be read in more than one way', async (target) => {
    const { store, check } = await gateFixture()
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    const answer = direct(await check(target))
    expect(answer).toMatchObject({ status: 400, facts: { state: 'denied', reason: 'bad-path' } })
    expect(JSON.stringify(answer)).not.toContain('media.example')
  })

  it.each([
    '/MEDIA/k/a',
    '/media',
    '/media/k',
    '/other/a',
    '/media/k/a;v=1',
    '/media/k/A',
    '/media/x/content',
    '/',
  ])('answers 404 to %j, which names nothing', async (target) => {
    const { store, check } = await gateFixture()
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    expect((await check(target)).kind === 'answer' && direct(await check(target)).status).toBeOneOf([
      404, 400,
    ])
  })

  it('reads one encoding of a letter as the letter, and the query as no part of the name', async () => {
    const { store, check } = await gateFixture()
    const media = await store.put(BYTES, { filename: 'a.txt', at: { key: 'a b' }, visibility: 'public' })
    for (const target of ['/media/k/%61%20b', '/media/k/a%20b?x=/../missing/', '/media/k/a%20b?sigh=1'])
      expect((await check(target)).facts).toMatchObject({ state: 'ready', mediaId: media.id })
    expect((await check('/media/k/a%20b%3fx=1')).facts.state).toBe('missing')
  })
})

describe('who asks', () => {
  it('lets owners read what is private, and answers others exactly as if there were nothing', async () => {
    const { store, check } = await gateFixture()
    const { id } = await store.put(BYTES, { filename: 'a.txt', owner: 'ann' })
    const nothing = '01980000-0000-7000-8000-000000000000'

    expect(forward(await check(`/media/${id}/content`, { headers: { 'x-user': 'ann' } })).facts.mediaId).toBe(
      id,
    )
    expect(direct(await check(`/media/${id}/content`, { headers: { 'x-user': 'bob' } }))).toEqual(
      direct(await check(`/media/${nothing}/content`, { headers: { 'x-user': 'bob' } })),
    )
    expect(direct(await check(`/media/${id}/content`))).toEqual(
      direct(await check(`/media/${nothing}/content`)),
    )
    // What one was told is told to nobody else.
    expect((await check(`/media/${id}/content`, { headers: { 'x-user': 'ann' } })).kind).toBe('forward')
    expect((await check(`/media/${id}/content`, { headers: { 'x-user': 'bob' } })).kind).toBe('answer')
  })

  it('is public to caches about missing names only for those without credentials, and for keys only for seconds', async () => {
    const { check } = await gateFixture()
    const cached = async (
      target: string,
      headers: Record<string, string> = {},
    ): Promise<string | undefined> =>
      header(direct(await check(target, { headers })).headers, 'cache-control')
    expect(await cached('/media/k/a')).toBe('public, max-age=5')
    expect(await cached('/media/01980000-0000-7000-8000-000000000000/content')).toBe('public, max-age=60')
    expect(await cached('/media/k/a', { cookie: 'a=b' })).toBe('private, no-store')
    expect(await cached('/media/k/a', { authorization: 'Bearer x' })).toBe('private, no-store')
  })

  it('lets a signed address in, until it ends, and no other', async () => {
    const { store, check, clock } = await gateFixture()
    const { id } = await store.put(BYTES, { filename: 'a.txt' })
    const url = await store.url(id, { expiresAt: new Date(clock.now() + 2_000) })
    const target = url.pathname + url.search

    expect((await check(target)).kind).toBe('forward')
    expect(direct(await check(target.replace('sig=', 'sig=A'))).status).toBe(403)
    expect(direct(await check(`${target}&sig=x`)).status).toBe(403)
    clock.advance(2_001)
    expect(direct(await check(target))).toMatchObject({ status: 403, facts: { reason: 'expired' } })
  })

  it('answers 401 to credentials that are not good, and 503 when those who know cannot be asked', async () => {
    const bad = await gateFixture({
      authenticate: () => {
        throw new MediaError('MEDIA_UNAUTHENTICATED', 'expired')
      },
    })
    expect(direct(await bad.check('/media/k/a')).status).toBe(401)
    const down = await gateFixture({ authenticate: () => Promise.reject(new Error('no answer')) })
    expect(direct(await down.check('/media/k/a'))).toMatchObject({ status: 503, facts: { state: 'failed' } })
    const rule = await gateFixture({ authorize: () => Promise.reject(new Error('no answer')) })
    await rule.store.put(BYTES, { filename: 'a.txt', at: { key: 'a' } })
    expect(direct(await rule.check('/media/k/a')).status).toBe(503)
  })

  it('sends browsers to sign in and back, programs get 401, and nobody learns what exists', async () => {
    const { store, check } = await gateFixture({
      signIn: { url: 'https://auth.example/oauth2/start', returnHosts: ['media.example'] },
    })
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' } })
    const page = { accept: 'text/html,*/*' }
    const there = direct(await check('/media/k/a?x=1', { headers: page }))
    expect(there.status).toBe(302)
    expect(header(there.headers, 'location')).toBe(
      'https://auth.example/oauth2/start?rd=https%3A%2F%2Fmedia.example%2Fmedia%2Fk%2Fa%3Fx%3D1',
    )
    const absent = direct(await check('/media/k/b?x=1', { headers: page }))
    expect(header(absent.headers, 'location')).toBe(
      header(there.headers, 'location')?.replace('Fa%3F', 'Fb%3F'),
    )
    expect(direct(await check('/media/k/a')).status).toBe(401)
    expect(direct(await check('/media/k/b'))).toEqual(direct(await check('/media/k/a')))
    for (const host of ['evil.example', 'media.example.evil.example', '', 'media.example:8443']) {
      const other = direct(await check('/media/k/a', { host, headers: page }))
      expect(header(other.headers, 'location'), host).toBe(
        'https://auth.example/oauth2/start?rd=%2Fmedia%2Fk%2Fa',
      )
    }
  })
})

it.each(['media.example,evil.example', 'media.example@evil.example', 'media.example/media/k/a?'])(
  'answers 400 to %j, which is not one host, before it looks',
  async (host) => {
    const { store, check } = await gateFixture()
    await store.put(BYTES, { filename: 'a.txt', at: { key: 'a' }, visibility: 'public' })
    for (const target of ['/media/k/a', '/media/k/none']) {
      const answer = direct(await check(target, { host }))
      expect(answer).toMatchObject({ status: 400, facts: { state: 'denied', reason: 'bad-host' } })
      expect(JSON.stringify(answer)).not.toContain('example')
    }
  },
)

it('refuses everything once it is closed, and to be made without a rule', async () => {
  const { gate, store } = await gateFixture()
  gate.close()
  gate.close()
  expect(direct(await gate.check(asked('/media/k/a')))).toMatchObject({
    status: 503,
    facts: { reason: 'closing' },
  })
  expect(() => createGate({ store } as unknown as Parameters<typeof createGate>[0])).toThrow(
    expect.objectContaining({ code: 'MEDIA_BAD_INPUT', reason: 'bad-option' }),
  )
})
